<?php

declare(strict_types=1);

namespace Acme\Html;

/**
 * A heading that is set once.
 */
trait HasHeading
{
    private string $heading = '';

    public function heading(): string
    {
        return $this->heading;
    }
}
