<?php
namespace Shop;

class A
{
    public
        B
        $b
    {
        get =>
            new C(
                D::E
            );

        set(
            F
            $f
        ) {
            G
                ::h();
        }
    }

    public I $i;
}
