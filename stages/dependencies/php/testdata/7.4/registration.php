<?php
use Vendor\Framework\Component\Registrar;

Registrar::register(Registrar::MODULE, 'Shop_Catalog', __DIR__);
