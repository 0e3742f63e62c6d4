<?php
declare(strict_types=1);
namespace Shop\Repository;
use Shop\Entity\{Product, Category as Cat};
final class Products implements \IteratorAggregate
{
    public private(set) int $loaded = 0;
    public protected(set) ?Cat $category { set(null|string|Cat $value) => is_string($value) ? Cat::named($value) : $value; }
    public array $all { get => array_map(fn(Row $r): Product => new Product($r)->withCategory($this->category ?? Cat::Root), $this->rows()); }
    public function getIterator(): \Generator { yield from new Cursor($this)->each(Product::class); }
}
