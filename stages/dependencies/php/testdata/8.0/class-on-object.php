<?php
namespace Shop;
echo $a::class, $this->b::class, A::class, f()::class, $c[D::class]::class, namespace\E::class, static::class;
