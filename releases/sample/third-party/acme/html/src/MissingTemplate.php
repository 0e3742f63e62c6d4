<?php

declare(strict_types=1);

namespace Acme\Html;

use RuntimeException;

final class MissingTemplate extends RuntimeException
{
}
