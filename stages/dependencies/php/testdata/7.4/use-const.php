<?php
namespace Shop;
use const Vendor\LIMIT;
use const Vendor\Size\{SMALL, LARGE as BIG};
echo LIMIT, limit, SMALL, BIG, LARGE, \LIMIT, true, FALSE, Null, \true;
LIMIT::x();
