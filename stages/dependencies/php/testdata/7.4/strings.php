<?php
namespace Shop;
$a = 'Shop\Name $x new Not()' . "plain new Not" . 'it\'s \\' . "quote \" \\" . '' . "";
$b = "simple $a and $a[key] and $a[0] and $a[-1] and $a[$b] and $a->prop->not new Not()";
$c = "complex {$a->b(Sub::X)} and {$a[KEY]['k']} and ${name} and ${name[INDEX]} and ${expr(Other::Y)} end";
$d = "nested {$a["x {$b->c("y" . Deep::Z)}"]} \{$e} \${f} {$g}";
$h = "dollar $ and $1 { $x } {$fn(new Made())} $x?" . 'a' . AFTER;
$i = b'binary' . B"bin $x" . b"plain";
