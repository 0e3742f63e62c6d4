<?php

declare(strict_types=1);

namespace Sample\Framework\Attribute;

use Attribute;

/**
 * Marks a class of which the object manager makes one object only.
 */
#[Attribute(Attribute::TARGET_CLASS)]
final class Service
{
    public function __construct(public readonly string $area = 'global')
    {
    }
}
