<?php
// Parses the files whose names the file in its first argument lists, relative to
// the working folder, and prints each that PHP cannot parse.
$broken = 0;
foreach (file($argv[1], FILE_IGNORE_NEW_LINES | FILE_SKIP_EMPTY_LINES) as $file) {
    try {
        token_get_all(file_get_contents($file), TOKEN_PARSE);
    } catch (ParseError $e) {
        $broken++;
        echo $file, ':', $e->getLine(), ': ', $e->getMessage(), PHP_EOL;
    }
}
exit($broken > 0 ? 1 : 0);
