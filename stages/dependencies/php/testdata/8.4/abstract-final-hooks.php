<?php
namespace Shop;
abstract class A { abstract public B $b { get; } final public C $c { get => D; } public final E $e = F; final G $g; abstract protected(set) H $h { get; set; } }
