<?php

declare(strict_types=1);

namespace Sample\Setup;

use Acme\Terminal\Screen;
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
    public function run(array $arguments, Screen $out, Screen $errors): int
    {
        $commands = ['store' => $this->store(...), 'modules' => $this->modules(...), 'error-page' => (new ErrorPage())->show(...)];
        $command = $commands[$arguments[0] ?? ''] ?? null;
        if ($command === null) {
            $errors->line('Usage: bin/sample ', implode('|', array_keys($commands)));

            return 2;
        }

        return $command($out);
    }

    private function store(Screen $out): int
    {
        $out->line($this->store->name(), ' (', $this->store->language(), ')');

        return 0;
    }

    private function modules(Screen $out): int
    {
        foreach (ComponentRegistrar::paths(ComponentType::Module) as $name => $path) {
            $out->line($name, ' ', $path);
        }

        return 0;
    }
}
