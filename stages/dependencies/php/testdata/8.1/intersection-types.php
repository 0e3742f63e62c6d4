<?php
namespace Shop;
function f(A&B $x, C & \D &$y, E&F &...$z, G & $h, I&J $k = null): K&L { return fn(M&N $o): P&Q => R & $s; }
class T { private U&V\W $x; public static X & Y $y; }
