<?php
namespace Shop;
readonly class A extends B {} final readonly class C implements D { public function __construct(private E $e) {} }
abstract readonly class F {} readonly final class G { function h(): I {} } #[J] readonly class K {}
