<?php
namespace Shop;
class A { const array B = [C::class => D]; private const \Closure|E F = G::H; function i(): static { return static::{self::class . J}(K::{$l}(...), M: N); } }
