<?php
namespace Shop;
use Symfony\Validator as Assert;
class A {
    #[Assert\All([new Assert\Text(min: Limits::MIN), new \Vendor\Blank])]
    #[Assert\When(expression: 'x', then: [['y' => Limits::class]])]
    private $x = [Limits\Deep::X];
    #[Group(A: 1), Group\Sub(B), Last([C, D])] public function f() { return #[Inline] function () {}; }
}
