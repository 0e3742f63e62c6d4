<?php
namespace Shop;
trait A { public const X = B::Y; final protected const Z = self::X . C; function f() { return static::X . D\E::F; } } class G { use A; }
