<?php
use Vendor\{Cache, Db\Adapter};
return [
    'backend' => ['frontend' => Cache\Frontend::class, 'options' => [Adapter::PORT => 3306]],
    'modules' => ['Shop_Catalog' => ENABLED, Cache::TYPE => !DISABLED],
    Adapter\Mysql::class => static function (Cache $c): Adapter { return new Adapter\Mysql($c, DIRECTORY_SEPARATOR); },
];
