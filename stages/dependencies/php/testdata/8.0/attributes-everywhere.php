<?php
namespace Shop;
enum_(#[A] fn() => B, #[C, D(E::F)] static fn(#[G] $x): H => I, #[J] function () use ($y): K {});
abstract class L { #[M] abstract function f(#[N] O $o, #[P(Q)] #[R] S ...$s): T; #[U] public static V $v; use X; #[W] var $y; }
