<?php

declare(strict_types=1);

namespace Acme\Text;

final class Enumeration
{
    /**
     * @param list<string> $items
     */
    public static function of(array $items): string
    {
        return $items === [] ? 'none' : implode(', ', $items);
    }
}
