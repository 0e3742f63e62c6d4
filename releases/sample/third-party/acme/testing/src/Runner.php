<?php

declare(strict_types=1);

namespace Acme\Testing;

use Throwable;

final class Runner
{
    /**
     * @param class-string<TestCase> ...$cases
     * @return int the exit code: 1 if a test failed
     */
    public function run(string ...$cases): int
    {
        $failed = 0;
        foreach ($cases as $case) {
            $tests = array_filter(get_class_methods($case), static fn (string $name): bool => str_starts_with($name, 'test'));
            foreach ($tests as $test) {
                $failed += $this->passes($case, $test) ? 0 : 1;
            }
        }

        return min(1, $failed);
    }

    private function passes(string $case, string $test): bool
    {
        try {
            (new $case())->$test();
            $problem = null;
        } catch (Throwable $caught) {
            $problem = $caught->getMessage();
        }
        echo $problem === null ? 'ok ' : 'not ok ', $case, '::', $test, $problem === null ? '' : ' # ' . $problem, PHP_EOL;

        return $problem === null;
    }
}
