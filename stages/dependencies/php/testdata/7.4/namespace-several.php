<?php
namespace Shop\One;
use Vendor\Tool;
echo Tool::run();
namespace Shop\Two;
echo Tool::run();
namespace Shop\Three;
use Vendor\Kit\Tool;
echo Tool::run(), namespace\Tool::run();
