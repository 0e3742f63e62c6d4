<?php
namespace Shop;
interface A extends B, \C { public D&E $d { get; } public (F&G)|H $f { get; set(I|J $v); } public private(set) K $k { get; } }
