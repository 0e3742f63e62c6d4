<?php

declare(strict_types=1);

use Sample\Framework\Code\GeneratedFactories;
use Sample\Framework\Component\{ComponentRegistrar, ComponentType};
use Sample\Framework\ObjectManager\{ObjectManager, Preferences};

require dirname(__DIR__) . '/vendor/autoload.php';

GeneratedFactories::register();

$files = [__DIR__ . '/etc/di.xml'];
foreach (ComponentRegistrar::paths(ComponentType::Module) as $path) {
    $files[] = $path . '/etc/di.xml';
}

return new ObjectManager((new Preferences())->read(...array_filter($files, is_file(...))));
