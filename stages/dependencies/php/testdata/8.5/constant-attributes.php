<?php
namespace Shop;
#[A] const B = C; #[\Deprecated(since: D::E), F] const G = H::I;
function j() {} #[K(L)] const M = new N;
