<?php

declare(strict_types=1);

namespace Sample\Framework\Exception;

class CannotCreate extends \LogicException
{
}
