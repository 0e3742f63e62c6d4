<?php

declare(strict_types=1);

// Modules that lie in the project itself register as those that Composer installed do.
foreach (glob(dirname(__DIR__) . '/code/*/*/registration.php') ?: [] as $registration) {
    require_once $registration;
}
