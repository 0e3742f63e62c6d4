<?php

declare(strict_types=1);

use Acme\Text\Enumeration;
use Sample\Catalog\Api\ProductRepositoryInterface;
use Sample\Catalog\Model\Product;
use Sample\Checkout\Model\{Checkout, Discount};
use Sample\Framework\Component\ComponentRegistrar;
use Sample\Framework\Component\ComponentType;
use Sample\Greeting\Model\Greeter;

$objects = require dirname(__DIR__) . '/app/bootstrap.php';

$say = static function (string $line): void {
    echo $line, PHP_EOL;
};

$greeter = $objects->get(Greeter::class);
$say($greeter->greet());
$say($greeter->greet(language: 'de_DE'));

foreach (ComponentType::cases() as $type) {
    $say(ucfirst($type->plural()) . ': ' . Enumeration::of(array_keys(ComponentRegistrar::paths($type))));
}

$products = $objects->get(ProductRepositoryInterface::class);
$products->save(new Product('Plain mug', 900), new Product('Enamel mug', 1500, sku: 'mug-2'));
$cart = $objects->get(Checkout::class)->cart(['plain-mug', 'mug-2', 'gone']);
$say(sprintf('Cart: %d products, %.2f', count($cart), $cart->total(Discount::percent(10)) / 100));
