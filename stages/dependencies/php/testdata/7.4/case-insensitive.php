<?php
NAMESPACE Shop;
USE Vendor\Tool AS T;
USE FUNCTION Vendor\Run;
ABSTRACT CLASS A EXTENDS t IMPLEMENTS T\Face {
    PUBLIC STATIC FUNCTION f(SELF $a, STRING $b, ?Int $c, T $d): PARENT { RETURN NEW STATIC; }
    FUNCTION g() { RUN(); Parent::g(); Self::g(); IF ($x INSTANCEOF t\x) THROW NEW t; }
}
