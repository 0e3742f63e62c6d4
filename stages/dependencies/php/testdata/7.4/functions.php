<?php
namespace Shop;
plain(); \rooted(); Sub\qualified(); namespace\relative(); $dynamic(); ($callable)(); $this->method(); 'strlen'('x');
function declared(Item $i) { nested(inner($i)); function local() { return deep(); } }
if (!function_exists('x')) { function conditional(): Made { return made(); } }
echo spaced  (1), COMMENTED /* c */ (2), array_map('x', compact('a'))[0]();
