<?php
// SPDX-License-Identifier: GPL-2.0-or-later

namespace __NS__\Installer;

defined('_JEXEC') or die;

use Joomla\CMS\Factory;
use Joomla\CMS\Uri\Uri;
use Joomla\Database\DatabaseInterface;

/** Puts the parts of the kit together for the site it runs on. */
final class Kit
{
    public static function updateSites(): UpdateSites
    {
        $memory = self::memory();

        return new UpdateSites(self::database(), $memory, self::site($memory), self::instance());
    }

    public static function license(): License
    {
        $memory = self::memory();

        return new License($memory, self::site($memory), self::instance());
    }

    public static function database(): DatabaseInterface
    {
        return Factory::getContainer()->get(DatabaseInterface::class);
    }

    private static function memory(): Memory
    {
        return new Memory(self::database());
    }

    /** The host name of this site. The command line has none of its own (Joomla says joomla.invalid): the last one seen. */
    private static function site(Memory $memory): string
    {
        $host = Factory::getApplication()->isClient('cli') ? '' : strtolower((string) Uri::getInstance()->getHost());

        if ($host === '' || $host === 'joomla.invalid') {
            $host = (string) parse_url((string) Factory::getApplication()->get('live_site', ''), PHP_URL_HOST);
        }

        return $host !== '' ? $host : $memory->read()['site'];
    }

    /** Stays the same when the site moves to another host. The secret itself never leaves the site. */
    private static function instance(): string
    {
        return hash('sha256', 'feedgate' . Factory::getApplication()->get('secret', ''));
    }
}
