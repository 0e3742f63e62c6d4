<?php
namespace Shop;
new (A::class); new ('B' . C); new (D::make()->name)(E); $x instanceof (F::G . 'h'); new ($y ? I::class : J::class);
