<?php

declare(strict_types=1);

namespace Sample\Framework\ObjectManager;

use ReflectionClass;
use ReflectionNamedType;
use ReflectionParameter;
use Sample\Framework\Attribute\Service;
use Sample\Framework\Exception\{CannotCreate, NotFound as ClassNotFound};

final class ObjectManager implements ObjectManagerInterface
{
    /** @var array<string, object> */
    private array $shared = [];

    /**
     * @param array<string, string> $preferences class by interface
     */
    public function __construct(private array $preferences = [])
    {
        $this->shared[self::class] = $this;
        $this->preferences[ObjectManagerInterface::class] ??= self::class;
    }

    public function get(string $type): object
    {
        $class = $this->preferences[$type] ?? $type;

        return $this->shared[$class] ?? $this->create($class);
    }

    public function create(string $type, array $arguments = []): object
    {
        $name = $this->preferences[$type] ?? $type;
        $class = class_exists($name) ? new ReflectionClass($name) : throw ClassNotFound::named($name);
        $parameters = $class->getConstructor()?->getParameters() ?? [];
        $values = array_map(
            fn (ReflectionParameter $parameter): mixed => array_key_exists($parameter->getName(), $arguments)
                ? $arguments[$parameter->getName()]
                : $this->argument($parameter, $name),
            $parameters,
        );
        $object = $class->newInstanceArgs($values);
        if ($class->getAttributes(Service::class) !== []) {
            $this->shared[$name] = $object;
        }

        return $object;
    }

    private function argument(ReflectionParameter $parameter, string $class): mixed
    {
        $type = $parameter->getType();
        if ($parameter->isDefaultValueAvailable()) {
            return $parameter->getDefaultValue();
        }
        if ($type instanceof ReflectionNamedType && !$type->isBuiltin()) {
            return $this->get($type->getName());
        }

        throw new CannotCreate(sprintf('%s: nothing to pass for $%s', $class, $parameter->getName()));
    }
}
