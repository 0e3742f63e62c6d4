<?php

use Sample\Framework\Component\ComponentRegistrar;

ComponentRegistrar::register(ComponentRegistrar::MODULE, 'Sample_Store', __DIR__);
ComponentRegistrar::register(ComponentRegistrar::THEME, "frontend/Sample/plain", __DIR__ . '/plain');
ComponentRegistrar::register(ComponentRegistrar::LIBRARY, 'sample/framework', __DIR__);
