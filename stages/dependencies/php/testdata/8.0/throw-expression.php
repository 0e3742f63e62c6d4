<?php
namespace Shop;
$a = $b ?? throw new A(B::C); $f = fn() => throw new D; $c = $d ?: throw E::make(); $e and throw new F(G);
