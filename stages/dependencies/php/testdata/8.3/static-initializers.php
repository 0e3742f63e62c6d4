<?php
namespace Shop;
function f() { static $a = strlen(A), $b = new B(C::D), $c = E::f(), $d; return static function () { static $x = $y ?? g(H); }; }
