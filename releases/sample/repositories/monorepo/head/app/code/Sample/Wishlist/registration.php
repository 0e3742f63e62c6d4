<?php

declare(strict_types=1);

use Sample\Framework\Component\{ComponentRegistrar, ComponentType};

ComponentRegistrar::register(ComponentType::Module, 'Sample_Wishlist', __DIR__);
