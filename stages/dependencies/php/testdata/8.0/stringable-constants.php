<?php
namespace Shop;
"a {${B::class}} {$c::$d} {$e::f(G::H)} ${i} ${j['k']} ${(L)}"; "{$m->n::$o}" . P; A::B::C; 'x'[D]; "y"[E]; [1][F];
