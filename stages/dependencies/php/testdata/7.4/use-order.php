<?php
namespace Shop;
new Late();
use Vendor\Late;
new Late();
class A { function f() { return new LATE\Er; } }
