<?php
namespace Shop;
$a?->b?->class?->new(A::X)?->list()?->c[B]; $a?->{C::D}(); echo "text $a?->b and $a?-> {$a?->b(E::F)}";
$x = $y ?-> z; $b = $c ?-1:G; $d = $e ? -H : I;
