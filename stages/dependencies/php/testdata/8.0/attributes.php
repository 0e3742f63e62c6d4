<?php
namespace Shop;
use Vendor\Mark;
use Vendor\Orm as ORM;
#[Mark] class A {}
#[Mark, ORM\Table('x', name: Sub::NAME), \Root\Flag(1 + LIMIT)]
final class B
{
    #[ORM\Id] #[ORM\Column(type: Types::INT, options: ['a' => Sub::class])]
    private ?Id $id = null;
    #[Mark(new_: [1, [Sub::A]])] const C = 1;
    #[Mark]
    public function f(#[Inject(Service::class)] Service $s, #[\SensitiveParameter] $p): void {}
}
#[Mark] function g() {} #[Mark] interface I {} #[Mark] trait T {}
$f = #[Mark\Closure] fn(#[Mark\Param] Item $x): Result => 1; $g = #[Mark\Static_] static function () {};
new #[Mark\Anonymous(LIMIT)] class(new Argument) extends Base {};
