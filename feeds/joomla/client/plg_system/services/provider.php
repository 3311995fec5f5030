<?php
// SPDX-License-Identifier: GPL-2.0-or-later

defined('_JEXEC') or die;

use Joomla\CMS\Extension\PluginInterface;
use Joomla\CMS\Factory;
use Joomla\CMS\Plugin\PluginHelper;
use Joomla\DI\Container;
use Joomla\DI\ServiceProviderInterface;
use Joomla\Event\DispatcherInterface;
use __NS__\System\Extension\KeeperPlugin;

return new class () implements ServiceProviderInterface {
    public function register(Container $container)
    {
        $container->set(
            PluginInterface::class,
            function (Container $container) {
                // A variable, because Joomla 4 takes it by reference.
                $dispatcher = $container->get(DispatcherInterface::class);
                $plugin     = new KeeperPlugin($dispatcher, (array) PluginHelper::getPlugin('system', '__ELEMENT__'));
                $plugin->setApplication(Factory::getApplication());

                return $plugin;
            }
        );
    }
};
