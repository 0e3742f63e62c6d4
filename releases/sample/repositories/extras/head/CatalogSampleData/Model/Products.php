<?php

declare(strict_types=1);

namespace Sample\CatalogSampleData\Model;

use Sample\Catalog\Api\ProductRepositoryInterface;
use Sample\Catalog\Model\ProductFactory;

class Products
{
    public function __construct(private ProductRepositoryInterface $repository, private ProductFactory $factory)
    {
    }

    public function install(): void
    {
        $rows = json_decode(file_get_contents(__DIR__ . '/../fixtures/products.json'), true, flags: JSON_THROW_ON_ERROR);
        $this->repository->save(...array_map($this->factory->create(...), $rows));
    }
}
