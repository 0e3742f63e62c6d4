<?php
namespace Shop;
class A
{
    public function __construct(
        public B $b { get => $this->b ?? new C; set(D $d) { $this->b = E::from($d); } },
        private ?F $f = new G(H) { get => I; },
        public readonly J $j = new J,
        K $k = L,
    ) { new M; }
    public N $n;
}
