<?php
namespace Shop;
enum K: string { case Default = 'd'; case New = N::X; case List = 'l'; case Match = M::Y; case Enum = 'e'; case Function = F; }
K::Default; K::New->value; K::List::Match;
