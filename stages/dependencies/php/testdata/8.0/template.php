<?php use Vendor\{View, Escaper as E}; /** @var View $this */ ?>
<ul <?= $this?->attributes(class: E::attr('x'), id: ID) ?>>
<?php foreach ($this->rows() as $row): ?><li><?= match(true) { $row instanceof Row => Row::HTML, default => DEFAULT_HTML } ?></li>
<?php endforeach ?></ul><?php if (false): ?><?= new Not_ ?><?php endif;
