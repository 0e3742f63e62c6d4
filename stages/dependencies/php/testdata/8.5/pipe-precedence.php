<?php
namespace Shop;
$a = $b ?? A |> B::c(...); $d = E . F |> strtoupper(...) ; $g = H === I |> j(...) ? K : L;
$m = $n |> (function (O $o): P { return $o |> Q::r(...) |> (fn($x) => $x instanceof S); }) |> match_(...);
fn(T $t): U => $t |> V::w(...);
