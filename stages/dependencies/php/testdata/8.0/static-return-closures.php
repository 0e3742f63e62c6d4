<?php
namespace Shop;
abstract class A {
    abstract protected static function f(B|C $b): static|null;
    public function g() { return static fn(D $d): static => static::make(static function (): E { static $x = F; }); }
}
