<?php
namespace Shop;
$a = [...A::all(), ...B, 'k' => C, ...f(D)]; $b = 0o17 + 0O7_7 + E; g(...H::I, ...[J]);
