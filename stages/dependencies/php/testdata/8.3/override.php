<?php
namespace Shop;
class A extends B { #[\Override] public function f(): C {} #[Override] protected static function g() { static $x = h(); static $y = new D; } }
