<?php
namespace Shop;
abstract class A { abstract function f(B $b); abstract public function g(): C; abstract protected static function &h(D ...$d): ?E; private $i; abstract function list(): F; function j(): G {} }
