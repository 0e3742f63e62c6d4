<?php
namespace Shop;
use Vendor\Tool;
Tool::run(); Tool::$count++; Tool::LIMIT; Tool::class; \Root::x(); Sub\Tool::y(); namespace\Z::z();
Tool::{$name}(); Tool::$name(); Tool::$$name; Tool::$map['k']::go(); Tool::make()::LIMIT;
self::a(); static::$b; parent::c(); $obj::d(); $obj::CONSTANT; 'Name'::e(); [$a, 'b']::c();
Tool  ::
   spaced(); Tool /* comment */ :: /* another */ commented();
