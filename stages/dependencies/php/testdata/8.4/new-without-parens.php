<?php
namespace Shop;
new A()->b(C::D); new E(F)::G; new H()->i->j; new K()::l(); new M()::$n; new O(P)[Q]; new class { function r() {} }->r(S);
echo new T()::class, new U(new V()->w())->x; new class(Y) extends Z {}::AA;
