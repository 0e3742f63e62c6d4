<?php
namespace Shop;
new readonly class(A::B) extends C implements D { public function __construct(private E $e) {} };
new #[F(G)] readonly class {}; $h = fn() => new readonly class implements I {};
