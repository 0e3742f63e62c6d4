<?php

declare(strict_types=1);

namespace Sample\Checkout\Model;

use Sample\Catalog\Api\ProductRepositoryInterface;
use Sample\Framework\Exception\NotFound;

class Checkout
{
    public function __construct(
        private readonly ProductRepositoryInterface $products,
        private readonly CartFactory $carts,
    ) {
    }

    /**
     * @param list<string> $skus those that do not exist are left out
     */
    public function cart(array $skus): Cart
    {
        $cart = $this->carts->create();
        foreach ($skus as $sku) {
            try {
                $cart->add($this->products->get($sku));
            } catch (NotFound) {
                continue;
            }
        }

        return $cart;
    }
}
