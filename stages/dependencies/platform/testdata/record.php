<?php
// Records which names PHP and its loaded extensions hold:
//
//     php testdata/record.php > names.txt
//
// Load whatever extension is to be known (-d extension=redis). Only names are written, by reflection.

const WIDTH = 110;

function lines(string $kind, array $names): void
{
    sort($names, SORT_STRING);
    echo wordwrap($kind . ' ' . implode(' ', $names), WIDTH, "\n$kind ", false), "\n";
}

$constants = array_change_key_case(get_defined_constants(true));
$extensions = [];
foreach (get_loaded_extensions() as $name) {
    $extensions[str_replace(' ', '-', strtolower($name))] = new ReflectionExtension($name);
}
ksort($extensions, SORT_STRING);
echo '# Written by testdata/record.php with PHP ', PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION, "\n";
foreach ($extensions as $name => $extension) {
    $kinds = array_filter([
        'class' => $extension->getClassNames(),
        'constant' => array_keys($constants[strtolower($extension->getName())] ?? []),
        'function' => array_keys($extension->getFunctions()),
    ]);
    if ($kinds !== []) {
        echo "[$name]\n";
    }
    foreach ($kinds as $kind => $names) {
        lines($kind, $names);
    }
}
