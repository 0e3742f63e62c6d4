<?php
declare(strict_types=1);
namespace Shop\Model;
use Psr\Log\LoggerInterface;
use Shop\Api\{OrderInterface, Data\LineInterface as Line};
use function array_map, sprintf;
use const Shop\Config\{TAX_RATE};
final class Order implements OrderInterface
{
    private const string TABLE = 'orders';
    /** @param Line[] $lines */
    public function __construct(private readonly LoggerInterface $logger, private array $lines = []) {}
    #[\Override]
    public function total(): Money
    {
        $this->logger->debug(sprintf('%s', self::TABLE));
        return Money::sum(...array_map(static fn(Line $l): Money => $l->price()->times(1 + TAX_RATE), $this->lines))
            ?? throw new EmptyOrderException(\sprintf('%d', \count($this->lines)), previous: null);
    }
}
