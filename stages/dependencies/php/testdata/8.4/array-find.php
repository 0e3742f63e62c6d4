<?php
namespace Shop;
use function Vendor\array_find;
array_find($a, fn(A $x): bool => $x::B === C); \array_any($b, D::e(...)); array_all($c, static fn(F|G $x) => $x instanceof H);
