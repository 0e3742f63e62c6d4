<?php
namespace Shop;
function f(#[\SensitiveParameter] #[Mark(A::B)] string $p, #[C] D|null $d = null): true { return strlen($p) > LIMIT; }
