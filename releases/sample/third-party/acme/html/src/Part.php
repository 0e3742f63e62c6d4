<?php

declare(strict_types=1);

namespace Acme\Html;

/**
 * What a page shows.
 */
interface Part
{
    public function heading(): string;
}
