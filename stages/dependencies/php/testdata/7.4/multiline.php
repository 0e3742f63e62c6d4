<?php

namespace
    Shop;

use
    Vendor\Alpha
    as
    A
    ,
    Vendor\Beta;

class
    Long
    extends
        A
    implements
        \First,
        Beta
{
    public function f(
        Param
            $p,
        ?
        Other $o
    )
    :
    Result
    {
        return new
            Made(
                Beta
                ::
                X
            );
    }
}
