<?php
namespace Shop;
$a = "x {$b} {$c[D::E]} {$f->g} {$h()} {$i::$j} {$k?->l} $m[n] $o->p $q?->r {$s[T]['u']}" . V . <<<W
    {$x[Y]} $z[aa] {$bb(CC(...))} \{$dd}
    W . EE;
