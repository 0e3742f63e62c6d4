<?php
namespace Shop;
class A { const B = C::D->value; public $e = [F::G->name => H::I?->value]; function f($x = J::K->value) { static $y = L::M?->name; } }
