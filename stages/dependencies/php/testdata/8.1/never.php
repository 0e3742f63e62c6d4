<?php
namespace Shop;
function f(): never { throw new A; } class B { function g(): Never { exit(C); } function h(never_ $x): \Never_ {} }
