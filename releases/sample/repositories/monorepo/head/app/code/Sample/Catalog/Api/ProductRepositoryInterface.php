<?php

declare(strict_types=1);

namespace Sample\Catalog\Api;

use Sample\Catalog\Api\Data\ProductInterface;
use Sample\Framework\Exception\NotFound;

interface ProductRepositoryInterface
{
    /**
     * @throws NotFound
     */
    public function get(string $sku): ProductInterface;

    public function save(ProductInterface ...$products): void;

    /**
     * @return iterable<string, ProductInterface> by SKU
     */
    public function all(): iterable;
}
