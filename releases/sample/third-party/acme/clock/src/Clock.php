<?php

declare(strict_types=1);

namespace Acme\Clock;

use DateTimeImmutable;

interface Clock
{
    public function now(): DateTimeImmutable;
}
