<?php
declare(strict_types=1);
namespace Shop\Checkout\Plugin;
use Vendor\Quote\Api\Data\CartInterface;
use Vendor\Quote\Model\QuoteManagement as Subject;
class LimitQty
{
    private const MAX = 10;
    private $config;
    public function __construct(\Shop\Config\Reader $config, Sub\Helper $helper) { $this->config = $config; }
    public function aroundSubmit(Subject $subject, callable $proceed, CartInterface $cart, array $data = []): ?CartInterface
    {
        if (array_sum(array_column($cart->getItems(), 'qty')) > self::MAX) {
            throw new \Vendor\Framework\Exception\LocalizedException(__('At most %1', self::MAX));
        }
        return $proceed($cart, $data);
    }
}
