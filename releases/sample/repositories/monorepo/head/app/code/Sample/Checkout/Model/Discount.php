<?php

declare(strict_types=1);

namespace Sample\Checkout\Model;

abstract class Discount
{
    abstract public function apply(int $total, \DateTimeImmutable $at): int;

    public static function percent(int $percent): self
    {
        return new class ($percent) extends Discount {
            public function __construct(private int $percent)
            {
            }

            public function apply(int $total, \DateTimeImmutable $at): int
            {
                return intdiv($total * (100 - $this->percent), 100);
            }
        };
    }
}
