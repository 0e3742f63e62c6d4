<?php
namespace Shop;
use Vendor\Loud;
trait Talks { use Whispers; abstract function f(self $x); private static $y = Loud::LEVEL; }
class Person { use Talks, Loud, \Global_\Quiet; function g() {} use Sub\Late; }
class Both
{
    use A, B, C { A::talk insteadof B, C; B::talk as protected shout; C::talk as private; walk as run; Loud::x as final; }
    use D { }
    public $after = After::X;
}
