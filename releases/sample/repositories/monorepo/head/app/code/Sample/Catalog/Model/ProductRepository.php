<?php

declare(strict_types=1);

namespace Sample\Catalog\Model;

use Sample\Catalog\Api\{Data\ProductInterface, ProductRepositoryInterface};
use Sample\Framework\Attribute\Service;
use Sample\Framework\Exception\NotFound;

#[Service(area: 'frontend')]
class ProductRepository implements ProductRepositoryInterface
{
    /** @var array<string, ProductInterface> */
    private array $products = [];

    public function get(string $sku): ProductInterface
    {
        return $this->products[$sku] ?? throw NotFound::named('Product ' . $sku);
    }

    public function save(ProductInterface ...$products): void
    {
        foreach ($products as $product) {
            $this->products[$product->sku()] = $product;
        }
    }

    public function all(): iterable
    {
        foreach ($this->products as $sku => $product) {
            if ($product->visibility()->isListed()) {
                yield $sku => $product;
            }
        }
    }
}
