<?php
namespace Shop;
$a = f(g([h(fn(A $a) => [i(function (B $b): C { return [j(new class(new D) extends E { function k(F $f) {
    return "x {$l->m(<<<N
        {$o(new G)}
        N)}"; } })]; })])]));
new After();
