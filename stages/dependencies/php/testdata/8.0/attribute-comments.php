<?php
namespace Shop;
# A comment new Not()
#comment [Not]
#[Real]
class A {
    # [Not\Spaced]
    #[One] // [Not]
    #[Two, /* Not */ Three,]
    public $x; ## [Not]
}
