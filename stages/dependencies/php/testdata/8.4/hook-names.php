<?php
namespace Shop;
class A { public $get = B; public C $set { get => D; set => E; } function get() { return F::get(set(G)); } function set(H $h) {} const get = I, set = J; }
get(K); $x->set(L); M::get; new get; new set(N);
