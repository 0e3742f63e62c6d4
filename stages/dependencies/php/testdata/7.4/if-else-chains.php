<?php
namespace Shop;
if (A) b(); elseif (C::d()) { new E; } else if (F instanceof G) h(I); else new J;
if ($a): ?> html <?php elseif (K): ?> <?= L ?> <?php else: M::n(); endif;
do o(); while (P); return; new Q;
