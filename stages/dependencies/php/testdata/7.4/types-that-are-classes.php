<?php
namespace Shop;
function f(Integer $a, Boolean $b, Double $c, Resource $d, Numeric $e, Mixed_ $f): Scalar {}
class String_ extends Object_ { public Real $r; }
