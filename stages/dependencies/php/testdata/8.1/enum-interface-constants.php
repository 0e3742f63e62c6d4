<?php
namespace Shop;
enum A: int implements B { case X = C::D->value; const E = self::X; const F = [self::X, G::H]; public function f(): I { return new J($this instanceof K ? L::from(M::N->value) : O::tryFrom(1)); } }
