<?php

declare(strict_types=1);

use Sample\Framework\Component\ComponentRegistrar;
use Sample\Framework\Component\ComponentType;

ComponentRegistrar::register(ComponentType::Theme, 'adminhtml/Sample/panel', __DIR__);
