<?php
namespace Shop;
use Shop\Else_ as Order;
$a = new namespace\Order;
$b = new NAMESPACE\Model\Order();
$c = namespace\make() . namespace\Model\NAME . Namespace\Order::class;
$d = $a instanceof namespace\Order;
