<?php
namespace Shop;
new Before();
echo __COMPILER_HALT_OFFSET__;
__halt_compiler();
new Not(); "unterminated { ( /*
