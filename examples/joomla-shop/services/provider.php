<?php

/*
 * Feedgate for shops: tells Feedgate of orders of HikaShop and Membership Pro.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

declare(strict_types=1);

use Feedgate\Plugin\System\FeedgateShop\Extension\FeedgateShop;
use Joomla\CMS\Extension\PluginInterface;
use Joomla\CMS\Factory;
use Joomla\CMS\Plugin\PluginHelper;
use Joomla\Database\DatabaseInterface;
use Joomla\DI\Container;
use Joomla\DI\ServiceProviderInterface;
use Joomla\Event\DispatcherInterface;

\defined('_JEXEC') or die;

return new class () implements ServiceProviderInterface {
    public function register(Container $container): void
    {
        $container->set(PluginInterface::class, function (Container $container) {
            $dispatcher = $container->get(DispatcherInterface::class);
            $plugin = new FeedgateShop($dispatcher, (array) PluginHelper::getPlugin('system', 'feedgateshop'));
            $plugin->setApplication(Factory::getApplication());
            $plugin->setDatabase($container->get(DatabaseInterface::class));

            return $plugin;
        });
    }
};
