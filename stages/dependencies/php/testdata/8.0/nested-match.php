<?php
namespace Shop;
return match (true) {
    $a instanceof A, $a instanceof B => match ($b) { C::D => E, default => match (F) { default => G::h() } },
    I => (function (): J { return new K; })(), L::class => [M => N], $x ? O : P => Q,
    default => null,
} ?? R;
