<?php
// Makes a category and a simple product through the shop's services, as an
// extension would. The working folder is the installed project.
use Magento\Catalog\Api\CategoryRepositoryInterface;
use Magento\Catalog\Api\Data\CategoryInterfaceFactory;
use Magento\Catalog\Api\Data\ProductInterfaceFactory;
use Magento\Catalog\Api\ProductRepositoryInterface;
use Magento\Framework\App\Bootstrap;
use Magento\Store\Model\StoreManagerInterface;

require getcwd() . '/app/bootstrap.php';

$manager = Bootstrap::create(BP, $_SERVER)->getObjectManager();
$manager->get(Magento\Framework\App\State::class)->setAreaCode('adminhtml');
$manager->configure($manager->get(Magento\Framework\App\ObjectManager\ConfigLoader::class)->load('adminhtml'));
$store = $manager->get(StoreManagerInterface::class)->getDefaultStoreView();
$manager->get(StoreManagerInterface::class)->setCurrentStore(0);

$category = $manager->get(CategoryInterfaceFactory::class)->create();
$category->setName('Nightly category')->setIsActive(true)->setParentId($store->getRootCategoryId());
$category->setCustomAttribute('url_key', 'nightly-category');
$category->setIncludeInMenu(true);
$category = $manager->get(CategoryRepositoryInterface::class)->save($category);

$product = $manager->get(ProductInterfaceFactory::class)->create();
$product->setSku('nightly-product')->setName('Nightly product')->setAttributeSetId($product->getDefaultAttributeSetId());
$product->setTypeId('simple')->setPrice(12.34)->setWeight(1)->setStatus(1)->setVisibility(4);
$product->setWebsiteIds([$store->getWebsiteId()]);
$product->setCategoryIds([$category->getId()]);
$product->setStockData(['qty' => 100, 'is_in_stock' => 1, 'use_config_manage_stock' => 1]);
$product->setCustomAttribute('url_key', 'nightly-product');
$product = $manager->get(ProductRepositoryInterface::class)->save($product);

echo 'category ', $category->getId(), ', product ', $product->getId(), PHP_EOL;
