<?php

declare(strict_types=1);

namespace Sample\Setup;

use Acme\Html\HasHeading;
use Acme\Html\MissingTemplate;
use Acme\Html\Page;
use Acme\Html\Part;
use Acme\Html\Status;
use Acme\Terminal\Screen;

/**
 * What visitors see while the shop is away.
 */
#[Status(503)]
final class ErrorPage extends Page implements Part
{
    use HasHeading;

    public function __construct(string $heading = 'The shop is away')
    {
        $this->heading = $heading;
    }

    public function show(Screen $screen): int
    {
        try {
            $screen->line($this->render());
        } catch (MissingTemplate $e) {
            $screen->line('There is no template ', $e->getMessage());

            return 1;
        }

        return 0;
    }

    protected function template(): string
    {
        return dirname(__DIR__, 4) . '/pub/errors/page.phtml';
    }
}
