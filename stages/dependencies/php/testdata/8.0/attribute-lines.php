<?php
namespace Shop;
#[
    First,
    Second(
        Argument::A,
        name: Argument::B
    ),
    \Third
]
class A
    extends B
{
    #[Fourth]

    private
        C
        |
        D
    $x;
}
