<?php

declare(strict_types=1);

namespace Acme\BaseInstaller;

use Composer\Composer;
use Composer\EventDispatcher\EventSubscriberInterface;
use Composer\IO\IOInterface;
use Composer\Plugin\PluginInterface;
use Composer\Script\Event;
use Composer\Script\ScriptEvents;

/**
 * Copies what base packages (type magento2-component) name in extra.map into the project, once all is installed.
 */
final class Plugin implements PluginInterface, EventSubscriberInterface
{
    private const TYPE = 'magento2-component';

    public static function getSubscribedEvents(): array
    {
        return [ScriptEvents::POST_INSTALL_CMD => 'deploy', ScriptEvents::POST_UPDATE_CMD => 'deploy'];
    }

    public function activate(Composer $composer, IOInterface $io): void
    {
    }

    public function deactivate(Composer $composer, IOInterface $io): void
    {
    }

    public function uninstall(Composer $composer, IOInterface $io): void
    {
    }

    public function deploy(Event $event): void
    {
        $composer = $event->getComposer();
        foreach ($composer->getRepositoryManager()->getLocalRepository()->getCanonicalPackages() as $package) {
            if ($package->getType() !== self::TYPE) {
                continue;
            }
            $source = $composer->getInstallationManager()->getInstallPath($package);
            $count = (new Deployer((string) $source, (string) getcwd()))->deploy($package->getExtra());
            $event->getIO()->write(sprintf('%s: %d files copied into the project', $package->getName(), $count));
        }
    }
}
