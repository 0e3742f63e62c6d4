<?php
namespace Shop;
const LOCAL = 1, OTHER = Sub::X . \E_ALL, THIRD = LOCAL;
echo LOCAL, E_USER_ERROR, Sub\LIMIT, \Vendor\MAX, __LINE__, __CLASS__, __DIR__ . DIRECTORY_SEPARATOR;
$x = $a ? FIRST : SECOND; $y = $a ?: THIRD; $z = [KEY => VALUE, $b[INDEX], $c{0}];
switch ($x) { case FOURTH: case Sub::F: break; case (FIFTH): case SIXTH; default: }
define('DEFINED', SEVENTH); return LAST;
