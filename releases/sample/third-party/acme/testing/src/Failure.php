<?php

declare(strict_types=1);

namespace Acme\Testing;

use RuntimeException;

final class Failure extends RuntimeException
{
}
