<?php
namespace Shop;
echo <<<OUTER
a {$f(<<<INNER
    b {$g(new Deep(<<<'RAW'
        OUTER
        RAW))} c
    INNER . Sub::X)} d
OUTER;
echo $a << LIMIT, $b >> LIMIT; $d = [<<<X
X, $c <<= SHIFT];
