<?php
declare(strict_types=1);
namespace Shop\Service;
use Vendor\{Bus, Bus\Message};
#[AsHandler(queue: Queues::ORDERS)]
final class Handler
{
    public function __construct(private readonly Bus $bus, private readonly Policy $policy = new Policy\Strict(Level::High)) {}
    public function __invoke(Message&Order $m): Result|never_
    {
        return match ($this->policy->check($m, ...Rules::all())) {
            Verdict::Ok => $this->bus->send(...), Verdict::Bad => throw new Refused($m::class), default => self::fail(...),
        };
    }
}
