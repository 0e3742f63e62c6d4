<?php
namespace Shop;
if ($a instanceof Item && !$b instanceof \Countable || $c instanceof Sub\Item) {}
$d instanceof self or $d instanceof static; $e instanceof parent;
$f instanceof $class; $g instanceof $this->class; $h instanceof Holder::$class;
$i = $j instanceof namespace\Item ? new A : new B;
