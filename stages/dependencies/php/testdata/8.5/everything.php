<?php
declare(strict_types=1);
namespace Shop\Model { 
use Vendor\{Clock, Money as M, function now, const EPOCH};
#[\Attribute(\Attribute::TARGET_CLASS)]
final readonly class Price implements \Stringable, Api\Priced
{
    public const M ZERO = M::ZERO;
    public function __construct(final protected(set) M|int $amount = new M(0), private Clock&Api\Tz $clock = new Clock(EPOCH)) {}
    public function at(?\DateTimeInterface $t): static { return clone($this, ['t' => $t ?? now()]); }
    public function __toString(): string { return $this->amount |> M::format(...) |> trim(...) ?: throw new \LogicException(self::class); }
}
enum State: string { case New = 'n'; public static function of(Price $p): self { return match (true) { $p instanceof Api\Old => self::New, default => State::from(LIMIT) }; } }
}
namespace { use Shop\Model\Price; (void) new Price()->at(null); echo Price::ZERO?->x, Other::Y; }
