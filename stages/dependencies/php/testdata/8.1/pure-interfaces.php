<?php
namespace Shop;
interface A extends B { public const C = D::E; }
abstract class F implements A { public function __construct(protected readonly G&H $g) {} abstract function i(): J&K; }
function l(): void { $m = new class(n: new O) implements P { public readonly Q $q; public function __construct(readonly R $r = new S) {} }; }
