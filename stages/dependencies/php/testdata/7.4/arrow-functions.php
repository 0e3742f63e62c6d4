<?php
namespace Shop;
$a = fn($x) => $x + Sub::ONE;
$b = fn(Item $x, ?Sub\Item ...$y): Result => fn(Inner $z): ?Deep => new Made($z);
$c = static fn&(array &$x): \Countable => $x;
array_map(fn(Item $i): array => [$i, fn() => LIMIT], $list ? Items::A : Items::B);
