<?php
namespace Shop;
use Vendor\Money;
class Line
{
    public int $count = 0;
    private ?Money $price = null, $old;
    protected static \DateTimeInterface $when;
    static self $last;
    var Sub\Thing $thing;
    public iterable $items;
    private ?self $next;
    public array $list = [Money::ZERO];
    public callable_like $odd;
}
