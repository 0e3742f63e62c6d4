<?php
namespace Shop;
abstract class Order
{
    var $old = DEFAULT_VALUE;
    private $a, $b = Sub::B, $c = [Sub::C, LIMIT];
    protected static $shared = \Vendor\Shared::NAME;
    public function __construct($x = Sub::X, array $y = [Sub\Y::Z], Sub $z = null, ...$rest) {}
    abstract protected function load(Id $id);
    final public static function make() { return new self(new Sub()); }
    private function &reference(Sub &$a, Sub &...$b) { return $this->a; }
}
