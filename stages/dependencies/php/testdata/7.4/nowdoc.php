<?php
namespace Shop;
$a = <<<'RAW'
    new Not(Not::X) {$a->b(Not::Y)} <?php class Not {} ?> /* 'quote
    RAWER
    RAW;
$b = [<<<'E'

E, new After()];
$c = <<<  'SPACED'
x
SPACED . Sub::Y;
