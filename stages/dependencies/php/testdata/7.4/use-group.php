<?php
namespace Shop;
use Vendor\Kit\{Alpha, Beta as B, Deep\Gamma};
use Vendor\Other\{
    Delta,
    Sub\Epsilon as E,
};
use \Vendor\Leading\{Zeta};
Alpha::a(); B::b(); Gamma::c(); Delta::d(); E::e(); Zeta::f(); Beta::g();
