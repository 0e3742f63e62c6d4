<?php
namespace Shop\Function\Class;
use Vendor\List\Array\Item;
use Vendor\New\{Abstract\Thing, Static\Other as Another};
new Item(); new Thing(); new Another\Default\Switch();
\Vendor\Return\Value::make(); echo \Vendor\Echo\LIMIT; \Vendor\For\each();
