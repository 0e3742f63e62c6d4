<?php
namespace Shop;
function f(A $a = new B(C::D, [new E]), $x = new \F(g: H), I|J $k = new L\M) { static $n = new O(P); }
const Q = new R; #[S(new T(new U))] class V { function __construct(private W $w = new X(Y::class)) {} }
