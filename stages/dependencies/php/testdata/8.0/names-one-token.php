<?php
namespace Shop\Match\Fn;
use Vendor\Enum\Class\{Interface\A, Trait\B as C};
use function Vendor\For\While\each;
new A; C::x(); each(); new \Vendor\If\Else_(); namespace\Switch\case_(); new Sub\Function\Const();
