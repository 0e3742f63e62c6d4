<?php
use Vendor\App\Bootstrap;
if (version_compare(PHP_VERSION, '7.4') < 0) { die(<<<HTML
<p>new Not() Not::x {$_SERVER['x']}</p>
HTML); }
try { require __DIR__ . '/app/bootstrap.php'; } catch (\Exception $e) { echo <<<HTML
<div>{$e->getMessage()}</div>
HTML;
    exit(1); }
$app = Bootstrap::create(BP, $_SERVER)->createApplication(\Vendor\App\Http::class);
