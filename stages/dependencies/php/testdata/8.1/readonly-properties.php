<?php
namespace Shop;
class A
{
    public readonly B $b; readonly protected ?C $c; readonly D|E $d; private static readonly_ $x;
    public function __construct(private readonly F $f, readonly public G\H $g = new H(I::J), readonly int $i = K) {}
}
