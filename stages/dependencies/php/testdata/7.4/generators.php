<?php
namespace Shop;
function gen(): \Generator
{
    yield Item::A => new Item();
    yield from Item::all();
    yield  from \Vendor\items();
    $x = yield FROM inner(from(FROM));
    $y = yield;
    return yield LIMIT;
}
