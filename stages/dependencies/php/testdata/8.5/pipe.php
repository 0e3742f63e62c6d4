<?php
namespace Shop;
use function Vendor\trim_all;
$a = $b |> strlen(...) |> A::make(...) |> trim_all(...) |> (fn(B $x): C => new D($x, E)) |> $f->g(...) |> new H |> Sub\i(...);
$c = J::K |> L(...) || M |> N(...) | O;
