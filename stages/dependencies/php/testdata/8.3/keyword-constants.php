<?php
namespace Shop;
class A { const LIST = 1; const int PRINT = 2; const B ECHO = C::D, FN = 3, MATCH = E; const FROM = self::LIST, ENUM = A::PRINT; const F READONLY = G::FN; }
A::ECHO; A::MATCH; A::ENUM; echo A::FROM, A::READONLY;
