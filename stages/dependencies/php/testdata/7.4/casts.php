<?php
namespace Shop;
$a = (int) A . (string)B::c() . ( bool ) new C . (array) d() . (object) [E] . (float)F . (unset) $g . (binary) H;
$b = (integer) (I) + (double) (J)->k + (K) + (boolean) L . (Int) M;
