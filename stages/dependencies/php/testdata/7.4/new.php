<?php
namespace Shop;
use Vendor\Tool as T;
new T; new T(); new T\Part(1); new \Root; new namespace\Here;
new $class; new $this->class; new $a['b'](); new static; new self(); new parent;
new T::$class; new \Root::$map['x'](); new Sub\Holder::$class(new T);
(new Chain)->call(new Inner())->x;
clone new Cloned();
