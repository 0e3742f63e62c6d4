<?php
namespace Shop;
use function Vendor\format;
use function Vendor\Text\{trim_all as trimmed, pad};
use function strlen as length;
echo FORMAT('a'), trimmed('b'), pad('c'), length('d'), strlen('e'), format\deep('f'), \format('g');
new format();
