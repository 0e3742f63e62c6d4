<?php

declare(strict_types=1);

namespace Sample\GiftWrap\Model;

use Sample\Catalog\Model\Product;
use Sample\Checkout\Model\Cart;

class GiftWrap
{
    private const PRICE = 250;

    public function wrap(Cart $cart): Cart
    {
        return count($cart) === 0 ? $cart : $cart->add(new Product('Gift wrap', self::PRICE));
    }
}
