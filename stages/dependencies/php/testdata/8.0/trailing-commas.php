<?php
namespace Shop;
function f(A $a, B $b,) { return function (C $c,) use ($a, $b,) { return g(D::E, F,); }; }
$h = fn(I $i,): J => new K(L,);
