<?php
namespace Shop;
use Vendor\Tool;
$a = function (Tool $t) use ($b, &$c): Result { return new Inner(Tool::X); };
$d = static function () use ($a) { return $a(); };
$e = function &(array &$x) use (&$d): ?Tool\Part { yield Tool::Y; };
usort($list, function (Item $a, Item $b): int { return $a <=> $b ?: LIMIT; });
(function () { new Called(); })();
