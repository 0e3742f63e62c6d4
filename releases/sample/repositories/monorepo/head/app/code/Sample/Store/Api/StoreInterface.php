<?php

declare(strict_types=1);

namespace Sample\Store\Api;

interface StoreInterface
{
    public const DEFAULT_LANGUAGE = 'en_US';

    public function name(): string;

    public function language(): string;
}
