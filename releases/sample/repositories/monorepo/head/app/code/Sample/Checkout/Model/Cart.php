<?php

declare(strict_types=1);

namespace Sample\Checkout\Model;

use Acme\Clock\Clock;
use ArrayIterator;
use Countable;
use IteratorAggregate;
use Sample\Catalog\Api\Data\ProductInterface as Product;

class Cart implements Countable, IteratorAggregate
{
    /** @var list<Product> */
    private array $products = [];

    public function __construct(private readonly Clock $clock)
    {
    }

    public function add(Product $product): static
    {
        $this->products[] = $product;

        return $this;
    }

    public function total(Discount ...$discounts): int
    {
        $sum = array_sum(array_map(static fn (Product $product): int => $product->price(), $this->products));
        $apply = fn (int $total, Discount $discount): int => $discount->apply($total, $this->clock->now());

        return array_reduce($discounts, $apply, $sum);
    }

    public function getIterator(): ArrayIterator
    {
        return new ArrayIterator($this->products);
    }

    public function count(): int
    {
        return count($this->products);
    }
}
