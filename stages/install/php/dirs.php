<?php
// Gives Magento the folders of dirs.json in place of its own.
$_SERVER['MAGE_DIRS'] = json_decode(file_get_contents(__DIR__ . '/dirs.json'), true);
