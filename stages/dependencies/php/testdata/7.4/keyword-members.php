<?php
namespace Shop;
class Keywords
{
    const NEW = 1, LIST = 2, ARRAY = self::NEW, INSTANCEOF = Other::USE;
    public $class, $new = Other::FUNCTION;
    public function new() { return $this->new()->class->use->catch(Other::new()); }
    public static function list() { return static::NEW . Other::INSTANCEOF . Other::namespace(); }
    function use() { return $this->function->extends; }
    function function() {} function catch() {} function fn() {} function const() {} function trait() {}
    function enum() {} function match() {} function readonly() {} function from() { return Other::from(Some::class); }
}
