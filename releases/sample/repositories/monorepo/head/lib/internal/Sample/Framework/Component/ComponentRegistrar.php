<?php

declare(strict_types=1);

namespace Sample\Framework\Component;

use LogicException;

/**
 * Knows where the installed components lie. Each one's registration.php, which Composer loads, tells it.
 */
final class ComponentRegistrar
{
    /** @var array<string, array<string, string>> */
    private static array $paths = [];

    public static function register(ComponentType $type, string $name, string $path): void
    {
        $known = self::$paths[$type->value][$name] ?? null;
        if ($known !== null && $known !== $path) {
            throw new LogicException(sprintf('The %s %s lies in %s and in %s', $type->value, $name, $known, $path));
        }
        self::$paths[$type->value][$name] = $path;
    }

    /**
     * @return array<string, string> path by name, in the order of the names
     */
    public static function paths(ComponentType $type): array
    {
        $paths = self::$paths[$type->value] ?? [];
        ksort($paths);

        return $paths;
    }

    public static function path(ComponentType $type, string $name): ?string
    {
        return self::$paths[$type->value][$name] ?? null;
    }
}
