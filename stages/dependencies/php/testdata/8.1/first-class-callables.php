<?php
namespace Shop;
use function Vendor\format;
$a = strlen(...); $b = A::make(...); $c = $this->x(...); $d = format(...); $e = Sub\f(...); $g = \h(...); $i = 'j'(...);
$k = new L(...$m); $n = (new O)->p(...); $q = R::{$s}(...); $t = static::u(...);
