<?php

declare(strict_types=1);

namespace Acme\Text;

use Acme\Text\Slug\Separator;

final class Slug
{
    public function __construct(private readonly Separator $separator)
    {
    }

    public function of(string $text): string
    {
        $words = preg_split('/[^a-z0-9]+/', strtolower($text), -1, PREG_SPLIT_NO_EMPTY);

        return implode($this->separator->value, $words ?: []);
    }
}
