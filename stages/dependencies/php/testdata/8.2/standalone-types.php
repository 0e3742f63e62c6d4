<?php
namespace Shop;
class A { public null $x; function f(true $t): false { return B::c(); } function g(TRUE|D $d): Null {} function h(): null|E {} }
