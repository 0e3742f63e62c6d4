<?php
namespace Shop;
class A { public mixed $x; function f(mixed $m): static { return new static; } function g(): mixed { return A::h(); } }
