<?php
namespace Shop;
$a = (new \ReflectionClass(A::class))->newLazyGhost(function (A $o): void { $o->__construct(B::C); });
$b = new \ReflectionClass(D::class)->newLazyProxy(static fn(D $d): D => E::make());
