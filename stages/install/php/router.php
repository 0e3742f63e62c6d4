<?php
$path = __DIR__ . '/snapshot' . rawurldecode(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
if (is_file($path)) {
    return false;
}
http_response_code(404);
