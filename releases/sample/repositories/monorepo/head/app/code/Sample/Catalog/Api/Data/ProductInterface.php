<?php

declare(strict_types=1);

namespace Sample\Catalog\Api\Data;

use JsonSerializable;
use Sample\Catalog\Model\Visibility;

interface ProductInterface extends JsonSerializable
{
    public function sku(): string;

    public function name(): string;

    /** In cents. */
    public function price(): int;

    public function visibility(): Visibility;
}
