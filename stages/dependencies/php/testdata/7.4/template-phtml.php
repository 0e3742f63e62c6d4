<?php
/** @var \Shop\Block\View $block */
/** @var Vendor\Escaper $escaper */
?>
<div data-x="<?= $escaper->escapeHtml(__('Text')) ?>">
<?php foreach ($block->items() as $item) : ?>
    <?php if ($item instanceof \Shop\Item): ?><li><?= /* @noEscape */ \Shop\Format::price($item) ?></li><?php endif; ?>
<?php endforeach; ?>
<script>var a = "<?= json_encode(['a' => Sub\Js::A], JSON_HEX_TAG) ?>"; if (a < 1 && b?c:d) {}</script>
</div>
