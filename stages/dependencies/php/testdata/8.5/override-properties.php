<?php
namespace Shop;
class A extends B { #[\Override] public C $c; #[\Override] protected D $d { get => E; } #[\DelayedTargetValidation] #[F] public $g; }
