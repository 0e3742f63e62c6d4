<?php
namespace Shop;
$a = `ls $b {$c->d(A::B)} \` ${e} $f[g] 'new Not' "Not::x"`; $h = new After(`x`, `{$i(new In)}` . C);
