<?php
namespace Shop;
function f() { yield /* c */ A::x(); yield from B::y(); $c = yield D => E; return yield from new F(G); }
