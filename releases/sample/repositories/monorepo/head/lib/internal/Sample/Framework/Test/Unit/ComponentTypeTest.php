<?php

declare(strict_types=1);

namespace Sample\Framework\Test\Unit;

use Acme\Testing\TestCase;
use Sample\Framework\Component\ComponentType;

final class ComponentTypeTest extends TestCase
{
    public function testPlural(): void
    {
        $this->assertSame('libraries', ComponentType::Library->plural());
        $this->assertSame('themes', ComponentType::Theme->plural());
    }
}
