<?php
namespace Shop;
start:
if ($a) goto end;
{ inner: new A; goto START; }
switch ($x) { case ONE: label: echo TWO; case $y ? THREE : FOUR: new B; }
end:
echo $a ? FIVE : SIX;
