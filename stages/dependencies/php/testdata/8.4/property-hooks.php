<?php
namespace Shop;
use Vendor\Money;
class A
{
    public string $name { get => strtoupper($this->name . B::C); set(string|D $value) { $this->name = new E($value); } }
    public Money $price { get { return $this->price ?? Money::zero(); } set => F::g($value); }
    protected ?H $h = null { &get => $this->h; final set(?H $x) { throw new I; } }
    public int $plain = J::K; private L $after;
    public $untyped = [M] { #[N] get => O; #[P(Q)] set(#[R] S $s) => T; }
    function f(): U { return new V; }
}
