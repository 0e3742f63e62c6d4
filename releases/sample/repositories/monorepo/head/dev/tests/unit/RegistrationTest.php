<?php

declare(strict_types=1);

namespace Sample\Tests;

use Acme\Testing\TestCase;
use Sample\Framework\Component\{ComponentRegistrar, ComponentType};

final class RegistrationTest extends TestCase
{
    public function testEveryModuleHasItsFolder(): void
    {
        foreach (ComponentRegistrar::paths(ComponentType::Module) as $path) {
            $this->assertSame(true, is_file($path . '/etc/module.xml'));
        }
    }
}
