<?php

declare(strict_types=1);

namespace Sample\Setup;

use Sample\Framework\Component\{ComponentRegistrar, ComponentType};
use Sample\Store\Api\StoreInterface;

final class Commands
{
    public function __construct(private readonly StoreInterface $store)
    {
    }

    /**
     * @param list<string> $arguments
     * @return int the exit code
     */
    public function run(array $arguments): int
    {
        $commands = ['store' => $this->store(...), 'modules' => $this->modules(...)];
        $command = $commands[$arguments[0] ?? ''] ?? null;
        if ($command === null) {
            fwrite(STDERR, 'Usage: bin/sample ' . implode('|', array_keys($commands)) . PHP_EOL);

            return 2;
        }
        $command();

        return 0;
    }

    private function store(): void
    {
        echo $this->store->name(), ' (', $this->store->language(), ')', PHP_EOL;
    }

    private function modules(): void
    {
        foreach (ComponentRegistrar::paths(ComponentType::Module) as $name => $path) {
            echo $name, ' ', $path, PHP_EOL;
        }
    }
}
