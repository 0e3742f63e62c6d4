<?php
namespace Shop;
use Vendor\A;
$f = function () use ($a) { return function () use (&$b, $c): A { return new A\B; }; };
class C { use A, D { f as g; } public function h() { return (function () use ($x): E {})(); } use F; }
use Vendor\G;
new G;
