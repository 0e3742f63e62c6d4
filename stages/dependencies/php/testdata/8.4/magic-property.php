<?php
namespace Shop;
class A { public B $b { get => $this->x[__PROPERTY__] . C; set { parent::$b::set($value); D::{__PROPERTY__}; } } }
