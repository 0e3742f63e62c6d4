<?php

declare(strict_types=1);

namespace Acme\Html;

final class Escaper
{
    public static function text(string $text): string
    {
        return htmlspecialchars($text, ENT_QUOTES);
    }
}
