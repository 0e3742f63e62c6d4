<?php
namespace Shop\Test\Unit;
use PHPUnit\Framework\{TestCase, MockObject\MockObject as Mock};
final class CartTest extends TestCase
{
    /** @var Mock&\Shop\Cart */
    private $cart;
    protected function setUp(): void { $this->cart = $this->createMock(\Shop\Cart::class); }
    /** @dataProvider rows */
    public function testSum(int $a, ?\Throwable $e): void { $e && $this->expectExceptionObject($e); self::assertSame(M_E, $a); }
    public static function rows(): iterable { yield 'one' => [1, null]; yield [PHP_INT_MAX, new \OverflowException]; }
}
