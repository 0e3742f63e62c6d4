<?php
namespace Shop;
use Vendor\Money;
function f(int|string|null $a, Money|\Countable|false $b, A | B | array $c = null, self|C &...$d): static|Money {}
class D { private int|E|null $x = null; public static F|G $y; function h(): iterable|mixed_|H { return fn(I|J $k): K|null => L; } }
