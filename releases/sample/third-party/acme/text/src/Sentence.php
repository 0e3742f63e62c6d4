<?php

declare(strict_types=1);

namespace Acme\Text;

final class Sentence
{
    public static function capitalised(string $text): string
    {
        return ucfirst($text);
    }
}
