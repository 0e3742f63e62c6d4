<?php
namespace Shop;
use Vendor\Money;
class A
{
    const int ONE = 1;
    public const Money ZERO = new_::X, TEN = Money::TEN;
    final protected const ?B MAYBE = C::D; const (E&F)|G DNF = H; const I|J|null U = K::L, V = M;
    private const array LIST = [N::O]; const string CLASS_ = P::class; const self SELF = Q::R; const static S = self::ONE;
    const \Vendor\T NEW = 1; const U FUNCTION = V::W;
}
interface X { const Y Z = AA::BB; } enum CC { const self DD = self::EE; case EE; const FF GG = HH::II; } trait JJ { const KK LL = MM; }
