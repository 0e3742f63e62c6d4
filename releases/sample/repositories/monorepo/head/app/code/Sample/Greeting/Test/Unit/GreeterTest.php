<?php

declare(strict_types=1);

namespace Sample\Greeting\Test\Unit;

use Acme\Testing\TestCase;
use Sample\Greeting\Model\Greeter;
use Sample\Store\Model\Store;

final class GreeterTest extends TestCase
{
    public function testGreet(): void
    {
        $this->assertSame('Hello from Sample_Greeting', (new Greeter(new Store()))->greet());
    }
}
