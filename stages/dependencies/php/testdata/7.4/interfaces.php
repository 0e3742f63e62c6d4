<?php
namespace Shop;
use Vendor\{Readable, Writable as W};
interface Store extends Readable, W, \Countable, Sub\Closable
{
    const MODE = W::MODE;
    public function open(Path $p, ?Options $o = null): Handle;
    public static function create(): self;
}
interface Alone { }
