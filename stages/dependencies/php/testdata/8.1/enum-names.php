<?php
namespace Shop;
class enum {} 
class B extends enum implements Enumeration { public enum $e; function enum(enum $x): enum { return new enum; } const enum = 1; }
enum::X; enum(); echo enum; $a instanceof enum; Sub\enum::class; use_(enum::class, $x->enum, B::enum);
enum
Lined: int {}
