<?php

declare(strict_types=1);

namespace Sample\Framework\Exception;

use RuntimeException;

class NotFound extends RuntimeException
{
    public static function named(string $name): static
    {
        return new static($name . ' does not exist');
    }
}
