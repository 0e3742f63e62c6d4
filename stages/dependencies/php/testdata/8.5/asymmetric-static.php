<?php
namespace Shop;
class A { public private(set) static B $b; protected(set) static ?C $c = D; private(set) static E|F $e = G::H; static public private(set) int $i = J; }
