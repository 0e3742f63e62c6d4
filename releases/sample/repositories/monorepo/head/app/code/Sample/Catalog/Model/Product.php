<?php

declare(strict_types=1);

namespace Sample\Catalog\Model;

use Acme\Text\{Slug, Slug\Separator};
use Sample\Catalog\Api\Data\ProductInterface;

class Product implements ProductInterface
{
    private readonly string $sku;

    public function __construct(
        private readonly string $name,
        private readonly int $price,
        ?string $sku = null,
        private readonly Visibility $visibility = Visibility::DEFAULT,
        Slug $slug = new Slug(Separator::Hyphen),
    ) {
        $this->sku = $sku ?? $slug->of($name);
    }

    public function sku(): string
    {
        return $this->sku;
    }

    public function name(): string
    {
        return $this->name;
    }

    public function price(): int
    {
        return $this->price;
    }

    public function visibility(): Visibility
    {
        return $this->visibility;
    }

    public function jsonSerialize(): mixed
    {
        return ['sku' => $this->sku, 'name' => $this->name, 'price' => $this->price];
    }
}
