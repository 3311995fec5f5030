<?php
// SPDX-License-Identifier: GPL-2.0-or-later

namespace __NS__\System\Extension;

defined('_JEXEC') or die;

use Joomla\CMS\Plugin\CMSPlugin;
use Joomla\CMS\Plugin\PluginHelper;
use Joomla\Event\SubscriberInterface;
use __NS__\Installer\Kit;

/**
 * Before Joomla 5.3 no installer plugin is loaded when a key is saved or a feed is asked for, and none hears that it was
 * switched off. So this one looks after the update sites whenever an administrator opens a page where they matter.
 */
final class KeeperPlugin extends CMSPlugin implements SubscriberInterface
{
    const PAGES = ['com_installer', 'com_joomlaupdate', 'com_plugins'];

    public static function getSubscribedEvents(): array
    {
        return ['onAfterRoute' => 'look'];
    }

    public function look()
    {
        $app = $this->getApplication();

        if (!$app->isClient('administrator') || !in_array($app->getInput()->get('option'), self::PAGES, true)) {
            return;
        }

        // A guest's host name is not believed.
        if (!$app->getIdentity() || $app->getIdentity()->guest || !class_exists(Kit::class)) {
            return;
        }

        try {
            if (PluginHelper::isEnabled('installer', '__ELEMENT__')) {
                Kit::updateSites()->sync();
            } else {
                Kit::updateSites()->restore();
            }
        } catch (\Throwable $e) {
            // Update sites that wait are no reason to break an administrator's page.
        }
    }
}
