<?php
namespace Shop;
$a = A + B - C * D / E % F ** G . H & I | J ^ ~K << L >> M && N || !O and P or Q xor R;
$b = S ?? T ?: (U <=> V) . (W == X) . (Y != Z) . (AA === BB) . (CC !== DD) . (EE <> A1) . (A2 < A3) . (A4 > A5) . (A6 <= A7) . (A8 >= A9);
$c ??= FF; $c .= GG; $c **= HH; $c <<= II; $c >>= JJ; $c ^= KK; $c |= LL; $c &= MM; $c %= NN; $c /= OO;
$d = @PP::x(); $e = &QQ::$y; $f = -RR; $g = $h ? SS : ($i ? TT : UU);
