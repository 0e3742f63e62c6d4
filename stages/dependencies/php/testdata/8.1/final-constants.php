<?php
namespace Shop;
interface A { final public const X = B::Y; } class C implements A { final const Z = D, W = [E::F => G]; final protected const V = self::Z; }
