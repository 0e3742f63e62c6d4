<?php
namespace Shop;
use Vendor\Alpha;
use Vendor\Beta as B;
use \Vendor\Gamma, Vendor\Delta\Epsilon as E, Vendor\Zeta;
use Unused\Name;
new Alpha; new B; new Gamma(); new E\F(); new Zeta\Alpha(); new \Alpha(); new Beta(); new Epsilon();
