<?php
namespace Shop;
readonly class A { public function __construct(public (B&C)|D|null $x = null, private \Random\Engine $e = new \Random\Engine\Secure) {} public static function f(): (A&E)|false { return new self(e: new \Random\Engine\Mt19937(F::SEED)); } }
