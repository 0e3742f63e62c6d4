<?php

declare(strict_types=1);

namespace Sample\Wishlist\Model;

use Acme\Clock\{Clock, SystemClock};
use DateTimeImmutable;
use Sample\Catalog\Api\Data\ProductInterface;

/**
 * The module does not declare acme/clock: it gets it through others. A report of undeclared dependencies has to find it.
 */
class Wishlist
{
    /** @var array<string, DateTimeImmutable> */
    private array $wished = [];

    public function __construct(private readonly Clock $clock = new SystemClock())
    {
    }

    public function wish(ProductInterface $product): void
    {
        $this->wished[$product->sku()] ??= $this->clock->now();
    }

    public function since(string $sku): DateTimeImmutable|false
    {
        return $this->wished[$sku] ?? false;
    }
}
