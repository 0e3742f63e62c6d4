<?php
namespace Shop;
function enum() {} function readonly_() {} function from() {}
enum(); from(FROM); echo enum, from, ENUM . Sub\enum();
$a = [enum::X, 'e' => enum(1)]; Enum\run();
