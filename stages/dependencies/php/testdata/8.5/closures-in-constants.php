<?php
namespace Shop;
#[A(static function (B $b): C { return new D; })]
class E
{
    const F = static function (G $g): H { return I::J; };
    const K = L::m(...), N = strlen(...), O = static function () { return P; }, Q = R;
    public S $s; public $t = static function (U $u) { if (V) { return new W; } }; public X $x;
    function f(Y $y = static function (Z $z): AA { return BB; }, CC $c = DD) {}
    #[EE(static fn() => 1)] public FF $f;
}
