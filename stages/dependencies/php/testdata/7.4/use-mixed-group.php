<?php
namespace Shop;
use Vendor\Kit\{Alpha, function beta, const GAMMA, Sub\Delta as D, function Sub\run as go, const Sub\MAX as TOP};
new Alpha(); beta(); echo GAMMA; new D(); go(); echo TOP; new beta(); echo Alpha; Alpha();
