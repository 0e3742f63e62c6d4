<?php
// Stands in for PHPUnit: runs the test files of a configuration's suites, each of which returns
// what becomes of its tests, and writes JUnit XML.
$options = getopt('', ['configuration:', 'log-junit:', 'no-interaction', 'colors:']);
$config = simplexml_load_file($options['configuration']);
chdir(dirname($options['configuration']));
if (!is_file((string)$config['bootstrap']) || isset($config->extensions->extension)) {
    fwrite(STDERR, "not Magento's own configuration without Allure\n");
    exit(2);
}
foreach ($config->php->const as $const) {
    define((string)$const['name'], (string)$const['value']);
}
$files = [];
foreach ($config->testsuites->testsuite->children() as $kind => $path) {
    $files = array_merge($files, $kind === 'file' ? [(string)$path] : glob("$path/{,*/}*Test.php", GLOB_BRACE));
}
$xml = '';
foreach ($files as $file) {
    $class = basename($file, '.php');
    $xml .= "<testsuite name=\"Tiny\\$class\" file=\"$file\">";
    foreach (require $file as $name => $message) {
        $xml .= '<testcase name="' . htmlspecialchars($name) . "\" class=\"Tiny\\$class\" file=\"$file\">";
        $xml .= match ($message) {
            '' => '',
            'skipped' => '<skipped/>',
            default => '<failure type="x">' . htmlspecialchars("Tiny\\$class::$name ('data')\n$message") . '</failure>',
        };
        $xml .= '</testcase>';
    }
    $xml .= '</testsuite>';
}
file_put_contents($options['log-junit'], "<?xml version=\"1.0\"?><testsuites><testsuite name=\"all\">$xml</testsuite></testsuites>");
exit(str_contains($xml, '<failure') ? 1 : 0);
