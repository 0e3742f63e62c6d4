<?php
namespace Shop;
// new Not() ?> <?php new A(); # new Not ?> html <?php
/* new Not() */ new /* Not */ B /* :: */ (); // Not::x
/** new Not() */ new /** @var Not */ C(/**/); /***/ new D(/* // */);
# Not::x
new E # comment
(1 /* a * b / c */); //
#
new F(); /* last **/ new G;
//?><?php new H;
