<?php
namespace Shop;
use Vendor\Clock;
class A
{
    public function __construct(
        private Clock $clock,
        protected ?Sub\Item $item = null,
        public int|Money $price = Money::ZERO,
        #[Mark] private array $x = [Sub::A => B],
        Plain $plain = DEFAULT_,
    ) {}
}
