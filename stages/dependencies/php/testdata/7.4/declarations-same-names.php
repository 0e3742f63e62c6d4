<?php
namespace Shop;
use Vendor\Base as Order;
use Vendor\Line;
use function Vendor\line;
use const Vendor\LINE;
class Orders extends Order { const Line = Line::X; function Line(Line $line): Line { return line(LINE, Line::Line, $this->Line()); } }
