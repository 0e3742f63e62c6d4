<?php
namespace Shop;
class A { #[\Deprecated('x', since: B::C)] const D = E; #[\Deprecated] function f(?F $f = null): G {} #[H] public I $i { #[\Deprecated] get => J; } }
