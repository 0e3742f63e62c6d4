<?php
namespace Shop;
$a = $b ? ($c ? A : B) : C; $d = $e ?: ($f ?: D); $g = ($h ? E : F) ? G : H; $i = $j ? [K => $k ? L : M] : f($l ? N : O);
switch ($a) { case $b ? P : Q: echo R; case $c ?: S: x: goto x; default: y: goto y; }
function f(?T $a, ?\U ...$b): ?V { return $a ? $b : W; } z: X::y();
