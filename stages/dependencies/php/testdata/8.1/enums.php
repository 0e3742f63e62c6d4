<?php
namespace Shop;
use Vendor\HasLabel;
enum Suit: string implements HasLabel, \JsonSerializable
{
    use Sub\Labels;
    case Hearts = 'H'; case Spades = Letters::S . 'x';
    #[Deprecated] case Clubs = self::Hearts . LIMIT;
    const Wild = self::Spades; public const OTHER = Other::X;
    public static function make(Card $c): self { return match ($c) { Card::A => self::Hearts, default => Suit::Clubs }; }
}
enum Plain { case A; case B; }
enum Number : int { case One = 1; }
enum Marked implements Mark {}
