<?php
namespace Shop;
$a = match ($b) { A::X, B::Y => new C, D => E::f(), 'x' => G, default => throw new H(match(true) { I => J, default => K }), };
$c = match(true) { $x instanceof L => M::class, N() => fn(O $o) => P, default => Q::{'r'} };
echo match($a) { 1 => A, 2 => B } . C;
