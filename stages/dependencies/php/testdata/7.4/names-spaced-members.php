<?php
namespace Shop;
$a -> new; $a
    ->list()
    ->class;
A :: NEW; B
    ::
    f(); new
C; $x instanceof
    D; namespace\e
(); F
;
