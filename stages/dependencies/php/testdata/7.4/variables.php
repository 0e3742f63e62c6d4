<?php
namespace Shop;
$$a; ${'b'}; ${C . D::e()}; $f->{G::h()}; $f->{'i' . J}; $f->$k; $f::$l; $f::${'m' . N}; $o{P};
$this->q[R]->s(T)::$u->v(); global $$w; $x = &$y; static::$z; A::${'b' . C::D};
