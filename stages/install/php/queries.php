<?php
// Prints how many queries the database server has had.
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$db = new mysqli(getenv('DB_HOST') ?: null, getenv('DB_USER'), getenv('DB_PASSWORD'), getenv('DB_NAME'), (int) getenv('DB_PORT') ?: null, getenv('DB_SOCKET') ?: null);
echo $db->query("SHOW GLOBAL STATUS LIKE 'Questions'")->fetch_row()[1];
