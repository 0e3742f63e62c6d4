<?php
// Makes a database ours: it has to be empty, or to hold what an earlier test
// installation made in it, which is dropped. A table says that it is ours.
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$marker = 'nightly_test_installation';
$name = getenv('DB_NAME');
try {
    $db = new mysqli(getenv('DB_HOST'), getenv('DB_USER'), getenv('DB_PASSWORD'), $name, (int) getenv('DB_PORT'));
    $tables = [];
    foreach ($db->query('SHOW FULL TABLES') as $row) {
        $row = array_values($row);
        $tables[$row[0]] = $row[1];
    }
    if ($tables && !isset($tables[$marker])) {
        fwrite(STDERR, "database $name holds " . count($tables) . " tables that no test installation made\n");
        exit(1);
    }
    $db->query('SET FOREIGN_KEY_CHECKS = 0');
    unset($tables[$marker]); // the last to go, if ever: a run that is killed here must find it again
    foreach ($tables as $table => $type) {
        $db->query('DROP ' . ($type === 'VIEW' ? 'VIEW' : 'TABLE') . " `$table`");
    }
    $db->query("CREATE TABLE IF NOT EXISTS `$marker` (id INT PRIMARY KEY)");
} catch (mysqli_sql_exception $e) {
    fwrite(STDERR, $e->getMessage() . PHP_EOL);
    exit(1);
}
