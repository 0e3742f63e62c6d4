<?php
// Without a namespace, names are global.
class Basket extends ArrayObject implements Countable
{
    public function total(Money $start): Money
    {
        return array_reduce($this->getArrayCopy(), 'add', $start ?? new Money(M_PI));
    }
}
