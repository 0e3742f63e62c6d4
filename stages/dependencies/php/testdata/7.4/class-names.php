<?php
namespace Shop;
use Vendor\{Match, Enum, Readonly, Mixed, Never};
class From extends Match implements Enum { public Readonly $r; public ?Match $m; }
new Match(); Enum::x(); Readonly::Y; new Enum; new From(); From::from();
$a instanceof Match; $b instanceof Enum; function f(Match $m, Enum $e, From $f): Readonly {}
try {} catch (Match | Enum $e) {}
