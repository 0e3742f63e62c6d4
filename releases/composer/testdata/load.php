<?php
// Says which packages Composer would load from a repository: for each line of input, JSON of one version as it stands
// in a repository's metadata, a line that is empty, or the reason why not, or what the package says of a repository. It needs Composer's classes on PHP's
// include path (Debian: composer).

require 'Composer/autoload.php';

use Composer\Package\Loader\ArrayLoader;
use Composer\Util\ErrorHandler;

ErrorHandler::register();
ini_set('display_errors', 'stderr');
$loader = new ArrayLoader();
while (($line = fgets(STDIN)) !== false) {
    try {
        [$package] = $loader->loadPackages([json_decode($line, true, 512, JSON_THROW_ON_ERROR)]);
        echo $package->getSourceUrl() ?? $package->getNotificationUrl() ?? $package->getInstallationSource() ?? '', "\n";
    } catch (Throwable $e) {
        echo strtr($e->getMessage(), "\n", ' ') ?: get_class($e), "\n";
    }
}
