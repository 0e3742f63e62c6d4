<?php
namespace Shop;
$a = new A ?><?php
use Vendor\Tool ?>
<?= Tool::X ?>
<?php // comment ?> text <?php
class Halves { public $a = B::C ?><?php function f() { ?> html { <?php } }
new Halves
?>
text after
