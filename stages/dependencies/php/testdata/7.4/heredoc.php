<?php
namespace Shop;
$a = <<<TEXT
  new Not() $a $b[key] {$c->d(Sub::X)} ${e}
  "quotes" 'quotes' // no comment ?>
  TEXT . AFTER;
$b = <<<"QUOTED"
    {$x(function (Param $p) { return new Inner(); })}
    QUOTEDLY not the end QUOTED
    QUOTED;
$c = [<<<A
A, <<<'B'
{$no->code(Not::X)}
B, Last::Y];
f(<<<X
    indented
      X1 \$y \\
    X, new Argument);
