<?php
// SPDX-License-Identifier: GPL-2.0-or-later

defined('_JEXEC') or die;

use Joomla\CMS\Factory;
use Joomla\CMS\Installer\InstallerAdapter;
use Joomla\CMS\Installer\InstallerScriptInterface;
use Joomla\Database\DatabaseInterface;

/** Switches both plugins on when the package is new, and gives every update site its own address back when it goes. */
return new class () implements InstallerScriptInterface {
    public function preflight(string $type, InstallerAdapter $adapter): bool
    {
        return true;
    }

    public function install(InstallerAdapter $adapter): bool
    {
        return true;
    }

    public function update(InstallerAdapter $adapter): bool
    {
        return true;
    }

    /** Runs while the plugins' files and rows are still there. */
    public function uninstall(InstallerAdapter $adapter): bool
    {
        try {
            $this->kit()->restore();
        } catch (\Throwable $e) {
            // Addresses that stay rewritten go on working: nothing here is worth a failed uninstall.
        }

        return true;
    }

    /** Joomla installs plugins switched off. An update leaves the administrator's choice alone. */
    public function postflight(string $type, InstallerAdapter $adapter): bool
    {
        if ($type !== 'install' && $type !== 'discover_install') {
            return true;
        }

        $db    = Factory::getContainer()->get(DatabaseInterface::class);
        $query = method_exists($db, 'createQuery') ? $db->createQuery() : $db->getQuery(true);
        $query->update($db->quoteName('#__extensions'))
            ->set($db->quoteName('enabled') . ' = 1')
            ->where($db->quoteName('type') . ' = ' . $db->quote('plugin'))
            ->where($db->quoteName('element') . ' = ' . $db->quote('__ELEMENT__'))
            ->where($db->quoteName('folder') . ' IN (' . $db->quote('installer') . ', ' . $db->quote('system') . ')');
        $db->setQuery($query)->execute();

        try {
            $this->kit()->sync();
        } catch (\Throwable $e) {
            // The next visit to the installer pages does it.
        }

        return true;
    }

    /** The autoloader learns of new plugins with the next request only, so the classes are loaded by path. */
    private function kit()
    {
        foreach (['Server', 'Memory', 'UpdateSites', 'License', 'Kit'] as $class) {
            require_once JPATH_PLUGINS . '/installer/__ELEMENT__/src/' . $class . '.php';
        }

        return \__NS__\Installer\Kit::updateSites();
    }
};
