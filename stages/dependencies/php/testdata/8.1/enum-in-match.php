<?php
namespace Shop;
$a = match (true) { A::B => enum_(C), $d instanceof enum => E::F, default => enum\G::h() };
