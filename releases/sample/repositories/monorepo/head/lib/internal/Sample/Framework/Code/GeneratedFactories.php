<?php

declare(strict_types=1);

namespace Sample\Framework\Code;

/**
 * Writes the class ProductFactory for a class Product the first time that one is asked for, in memory.
 */
final class GeneratedFactories
{
    private const SUFFIX = 'Factory';

    private const TEMPLATE = <<<'PHP'
        namespace %1$s;

        final class %2$sFactory
        {
            public function __construct(private \Sample\Framework\ObjectManager\ObjectManagerInterface $objectManager)
            {
            }

            public function create(array $arguments = []): %2$s
            {
                return $this->objectManager->create(%2$s::class, $arguments);
            }
        }
        PHP;

    public static function register(): void
    {
        spl_autoload_register(self::load(...));
    }

    private static function load(string $class): void
    {
        $product = substr($class, 0, -strlen(self::SUFFIX));
        $split = strrpos($product, '\\');
        if (!str_ends_with($class, self::SUFFIX) || $split === false || !class_exists($product)) {
            return;
        }
        eval(sprintf(self::TEMPLATE, substr($product, 0, $split), substr($product, $split + 1)));
    }
}
