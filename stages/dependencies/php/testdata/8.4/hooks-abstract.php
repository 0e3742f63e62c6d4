<?php
namespace Shop;
interface A { public B $b { get; } public C|D $c { get; set; } public ?E $e { &get; } const F = G::H; function i(J $j); }
abstract class K { abstract public L $l { get; set => M; } abstract protected N $n { final get { return O::p(); } set; } public Q $q; }
