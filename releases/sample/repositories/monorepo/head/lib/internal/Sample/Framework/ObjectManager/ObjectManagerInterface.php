<?php

declare(strict_types=1);

namespace Sample\Framework\ObjectManager;

interface ObjectManagerInterface
{
    /**
     * @template T of object
     * @param class-string<T> $type
     * @return T
     */
    public function get(string $type): object;

    /**
     * @template T of object
     * @param class-string<T> $type
     * @param array<string, mixed> $arguments by the constructor's names
     * @return T
     */
    public function create(string $type, array $arguments = []): object;
}
