<?php
namespace Shop;
#[\NoDiscard('x')] function f(): A { return new A(B); }
(void) f(); ( void ) C::d(); (VOID) new E; (void)G\h(I);
class J { #[\NoDiscard(K::L)] public function m(): N {} }
