<?php
namespace Shop;
class K
{
    use A, B {
        A::list insteadof B;
        B::list as new;
        namespace\A::use as public class;
        \Shop\B::as as as;
        A::insteadof as protected;
    }
    function f() { return new Done(); }
}
