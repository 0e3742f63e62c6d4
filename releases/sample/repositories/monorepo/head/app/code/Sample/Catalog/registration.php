<?php

declare(strict_types=1);

use Sample\Framework\Component\{ComponentRegistrar, ComponentType};

ComponentRegistrar::register(ComponentType::Module, 'Sample_Catalog', __DIR__);
