<?php
namespace Shop;
use Vendor\{Money, Tax as T};
function sum(int $a, ?string $b, array $c, callable $d, iterable $e, object $f, self_made $g, bool ...$h) {}
function price(Money $a, ?T $b, T\Rate &$c, \Closure $d = null, Resource $e, Money ...$f) {}
function defaults($a = Money::ZERO, $b = [T::A => T::B], $c = LIMIT, $d = \Vendor\LIMIT, $e = -Sub\MIN) {}
