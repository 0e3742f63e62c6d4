<?php
namespace Shop;
$a = new class { public function f(): Inner { return new self(); } };
$b = new class($x, new Argument(Sub::X)) extends Base implements First, \Second { use Shared; const C = Sub::C; };
$c = new class() extends \ArrayObject {};
f(new class implements Third { private ?Item $i = null; function g() { return new class extends Deep {}; } }, new Last);
