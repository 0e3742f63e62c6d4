<?php
namespace Shop;
class A { static function f() { static $a, $b = B; static::$c = static function () { static::d(); static $e; }; return static fn() => new static(static::E); } static public $x, $y = F::G; }
