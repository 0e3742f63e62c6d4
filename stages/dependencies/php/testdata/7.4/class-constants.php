<?php
namespace Shop;
interface Sizes
{
    const SMALL = 1;
    const LARGE = self::SMALL * Units::FACTOR, HUGE = \PHP_INT_MAX, LOCAL = Sub\VALUE;
    public const ALL = [self::SMALL => Units::class, Names\Size::L => 'x', LIMIT => [Units::MAX]];
}
