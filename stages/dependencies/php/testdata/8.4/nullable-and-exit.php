<?php
namespace Shop;
exit(A); exit; exit(status: B::C); die(D); die(); $f = exit(...); $x ?? exit(E::F); $y and die(new G);
