<!doctype html> new Not() <?xml version="1.0"?> <?php use Vendor\Block; ?>
<p><?= Block::text() ?></p><?=$x->y(new A)?>
<?php if ($a instanceof Item): ?>
  <b>Not::x</b> <?= LIMIT ?>
<?php endif ?>
<?php foreach ([1] as $x) { ?> <?= f(B::X), C::Y; ?> <?php } ?>
<? new Not ?> <?PHP new D ?>
<?php function html(Item $i) { ?> text <?php } new E;
