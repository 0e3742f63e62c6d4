<?php
namespace Shop;
$a = array(Key::A => Value::B, 'x' => array(C, new D), E);
$b = [Key::F => [G, ...H::all()], I => fn() => J, $k[L][M::N] ?? O];
[$x, [, $y]] = [P::Q, R]; list('k' => list($z)) = S::t()[U];
$v[] = W; $v[X::Y]['z'] = [Z]{0};
