<?php
// The pages of the made-up shop.
chdir(dirname(__DIR__));
require 'app/bootstrap.php';

try {
    database()->query('SELECT 1');
    ob_start();
    foreach (enabled() as $module) {
        $page = substr($module, 0, strpos($module, '_')) . '\\' . substr($module, strpos($module, '_') + 1) . '\\Page';
        if (class_exists($page)) {
            echo $page::text();
        }
    }
    $texts = ob_get_clean();
    $uri = substr($_SERVER['REQUEST_URI'], 1);
    $found = env()['search'] === '' ? '' : search('products/_search', '{"query":{"match":{"name":"nightly"}}}');
    $found = str_contains($found, 'Nightly product') ? 'Nightly product' : '';
    $asked = file_get_contents('php://input');
    echo match (true) {
        $uri === 'graphql' && str_contains($asked, 'storeConfig') => '{"data":{"storeConfig":{"store_code":"default"}}}',
        $uri === 'graphql' && str_contains($asked, 'products') => '{"data":{"products":{"items":[{"sku":"' . ($found ? 'nightly-product' : '') . '"}]}}}',
        $uri === 'graphql' => '{"data":{"countries":[{"id":"DE"}]}}',
        $uri === 'rest/V1/directory/countries/DE' => '{"three_letter_abbreviation":"DEU"}',
        default => page($uri, $texts, $found),
    };
} catch (Throwable $e) {
    http_response_code(500);
    @mkdir('var/log', 0777, true);
    $line = "[2026-11-24T00:00:00+00:00] main.CRITICAL: " . get_class($e) . ": {$e->getMessage()} in {$e->getFile()}:{$e->getLine()} [] []\n";
    file_put_contents('var/log/exception.log', $line, FILE_APPEND);
    echo 'There has been an error processing your request';
}

function page(string $uri, string $texts, string $found): string
{
    [$class, $text] = match (strtok($uri . '?', '?')) {
        'nightly-category.html' => ['catalog-category-view', "Nightly category $found"],
        'nightly-product.html' => ['catalog-product-view', 'Nightly product 12.34'],
        'catalogsearch/result/' => ['catalogsearch-result-index', $found],
        'customer/account/login/' => ['customer-account-login', 'login[username]'],
        'checkout/cart/' => ['checkout-cart-index', ''],
        'admin/' => ['admin__legend', 'login[username]'],
        default => ['cms-index-index', ''],
    };
    return "<html><link href=\"/static/version1/frontend/styles.css\"><body class=\"$class\">$text $texts</body></html>";
}
