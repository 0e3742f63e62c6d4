<?php
namespace Shop;
f(name: A::X, other: B, class: new C, static: D, array: E, match: F, new: G::y(), LIMIT);
new Item(price: LIMIT, tax: $a ? ONE : TWO); Item::make(first: THREE, ...$rest); $o->m(list: FOUR, fn: fn($x) => FIVE);
g($a ? (SIX) : SEVEN, $b ? h(x: EIGHT) : NINE);
