<?php

declare(strict_types=1);

use Acme\Testing\Runner;
use Sample\Framework\Test\Unit\ComponentTypeTest;
use Sample\Greeting\Test\Unit\GreeterTest;
use Sample\Tests\RegistrationTest;

require dirname(__DIR__, 2) . '/app/bootstrap.php';

exit((new Runner())->run(ComponentTypeTest::class, GreeterTest::class, RegistrationTest::class));
