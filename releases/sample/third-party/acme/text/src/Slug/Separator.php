<?php

declare(strict_types=1);

namespace Acme\Text\Slug;

enum Separator: string
{
    case Hyphen = '-';
    case Underscore = '_';
}
