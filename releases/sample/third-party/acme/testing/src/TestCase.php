<?php

declare(strict_types=1);

namespace Acme\Testing;

abstract class TestCase
{
    protected function assertSame(mixed $want, mixed $got): void
    {
        if ($want !== $got) {
            throw new Failure(sprintf('got %s, want %s', var_export($got, true), var_export($want, true)));
        }
    }
}
