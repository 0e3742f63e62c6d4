<?php
namespace Shop;
const A = (int) B; class C { const D = (string) E::F; public $g = (array) H; function i($j = (bool) K, L $l = (object) [M]) {} }
