<?php
namespace Shop;
if (Check::a()): new A; elseif (LIMIT): new B; else: new C; endif;
for ($i = START; $i < Sub::MAX; $i += STEP): run($i); endfor;
foreach (Items::all() as Key::$k => Value::$v): use_it(); endforeach;
while ($x instanceof Item): break; endwhile;
switch ($x): case Kind::A: new D; break; case KIND: default: new E; endswitch;
declare(ticks=1): tick(); enddeclare;
