<?php
namespace Shop;
$a = clone($b, ['c' => A::B, 'd' => new C]); $e = clone $f; $g = clone(D::make()); $h = clone($i, E); clone new F; $j = array_map(clone(...), G);
$k = clone (object: $l, withProperties: [H => I::J]);
