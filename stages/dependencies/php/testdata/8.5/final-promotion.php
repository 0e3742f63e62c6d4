<?php
namespace Shop;
class A { public function __construct(final B $b, final public C $c, public final readonly D $d = E, final private(set) F|G $f, private H $h) {} }
