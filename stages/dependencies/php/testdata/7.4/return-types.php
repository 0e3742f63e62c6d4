<?php
namespace Shop;
use Vendor\Money;
function a(): Money {}
function b(): ?Money\Part {}
function c(): void {}
function &d(): \Traversable {}
function e() : array { return [function (): Inner { }, fn(): Arrow => new Arrow()]; }
interface I { function f(): self; public static function g(): Other; function h(): ?parent_like; }
