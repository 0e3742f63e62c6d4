<?php
namespace Shop;
function readonly() {}
readonly(); $a->readonly; A::readonly(); \readonly(X); echo A::READONLY; class B { const READONLY = C::D; function readonly(E $e) {} }
