<?php

declare(strict_types=1);

namespace Sample\Store\Model;

use Acme\Clock\Clock as Time;
use Acme\Text\{Slug, Sentence};
use function Acme\Text\shorten;
use const Acme\Text\LONGEST;

/** @see \Acme\Notes\Note */
#[\Acme\Meta\Service]
final class Model extends AbstractModel implements \Countable, StoreInterface
{
    use Translates;

    public function __construct(private readonly ?Time $time, private Slug|Sentence $text)
    {
        parent::__construct();
    }

    public function count(): int
    {
        try {
            return \count([new Product(), self::class, 'Sample\Other\ByName', shorten(LONGEST), mb_strlen('')]);
        } catch (\Sample\Gone | Missing $e) {
            return $e instanceof Reason ? Slug::LENGTH : PHP_INT_MAX;
        }
    }
}
