<?php

declare(strict_types=1);

namespace Sample\Catalog\Model;

enum Visibility: int
{
    case Hidden = 1;
    case Catalog = 2;
    case Everywhere = 4;

    public const DEFAULT = self::Everywhere;

    public function isListed(): bool
    {
        return $this !== self::Hidden;
    }
}
