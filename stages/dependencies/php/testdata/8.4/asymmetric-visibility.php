<?php
namespace Shop;
class A
{
    public private(set) B $b; public protected(set) readonly ?C $c; private(set) D|E $d = F; protected(set) G $g { get => H; }
    public public(set) I $i; final private(set) J $j; private(set) public (K&L)|null $k; readonly private(set) M $m;
    public function __construct(public private(set) N $n, protected(set) O $o = new P, private(set) Q $q = R::S) {}
}
