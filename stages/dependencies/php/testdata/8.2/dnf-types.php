<?php
namespace Shop;
use Vendor\{A, B};
function f((A&B)|null $x, (A&\C)|(D&E)|F $y, G|(H&I) &...$z, ?J $k, (K&L)|array $m = [N]): (O&P)|null {}
class Q { private (R&S)|int $x; public readonly (T&U)|null $y; static (V&W)|X $z; function __construct(private (Y&Z)|AA $a, readonly (BB&CC)|false $b) {} }
fn((DD & EE) | FF $x): (GG&HH)|II => JJ;
