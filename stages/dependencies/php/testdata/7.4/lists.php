<?php
namespace Shop;
foreach (A::all() as ['k' => $a, B::K => list($b, , C => $c)]) { [$d[E::F], $g->{H}] = [$h, I::$j]; }
foreach ($k as L::$m['n'] => $o) continue; for (;;) { break; } foreach (new P as &$q); while (R);
