<?php
namespace Shop\Catalog;

class Product extends Entity implements \JsonSerializable, Api\ProductInterface
{
    public function jsonSerialize()
    {
        return [strlen($this->name), \count($this->tags), namespace\helper(), Sub\helper(), PHP_VERSION, \PHP_EOL,
            namespace\LIMIT, Sub\LIMIT];
    }
}
