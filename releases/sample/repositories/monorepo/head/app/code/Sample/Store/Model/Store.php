<?php

declare(strict_types=1);

namespace Sample\Store\Model;

use Sample\Framework\Attribute\Service;
use Sample\Store\Api\StoreInterface;

#[Service]
class Store implements StoreInterface
{
    public function __construct(
        private readonly string $name = 'Sample Store',
        private readonly string $language = self::DEFAULT_LANGUAGE,
    ) {
    }

    public function name(): string
    {
        return $this->name;
    }

    public function language(): string
    {
        return $this->language;
    }
}
