<?php
namespace Shop;
class A
{
    public B $b {
        get {
            $f = function (C $c) use ($x): D { return match ($c) { E => new F, default => fn(G $g): H => I }; };
            if ($f instanceof J) { return new class(K) extends L { public M $m { get => N; } }; }
        }
        set(O|P $value) {
            try { q(); } catch (R | S $e) { $this->b = "x {$e->t(U::V)} {$w}"; }
        }
    }
    public static X $x;
    use Y;
}
