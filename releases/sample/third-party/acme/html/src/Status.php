<?php

declare(strict_types=1);

namespace Acme\Html;

use Attribute;

/**
 * The status with which a page is sent.
 */
#[Attribute(Attribute::TARGET_CLASS)]
final class Status
{
    public function __construct(public readonly int $code)
    {
    }
}
