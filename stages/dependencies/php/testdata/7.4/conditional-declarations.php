<?php
namespace Shop;
if (!class_exists(Old::class)) { class Old extends Legacy {} } else { interface Newer extends Base {} }
function declares() { class Inside extends Outside { use Shared; } trait T {} return new Inside(); }
while (0) { abstract class Looped {} final class Sealed {} }
