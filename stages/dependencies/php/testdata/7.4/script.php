#!/usr/bin/env php
<?php
use Vendor\Console\Application;
if (PHP_SAPI !== 'cli') { exit(1); }
try { require __DIR__ . '/../autoload.php'; } catch (\Exception $e) { exit(Application::FAIL); }
(new Application('x'))->run(new \Vendor\Input($argv));
