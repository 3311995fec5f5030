<?php

/*
 * Feedgate for shops: tells Feedgate of orders of HikaShop and Membership Pro.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

declare(strict_types=1);

namespace Feedgate\Plugin\System\FeedgateShop;

use Joomla\Database\DatabaseInterface;
use Joomla\Database\ParameterType;

\defined('_JEXEC') or die;

/** The table of events that wait. */
final class TableStore implements Store
{
    private const TABLE = '#__feedgateshop_events';

    public function __construct(private DatabaseInterface $db)
    {
    }

    public function add(string $id, string $body, int $now): void
    {
        $db = $this->db;
        $known = $db->getQuery(true)->select('COUNT(*)')->from($db->quoteName(self::TABLE))
            ->where($db->quoteName('id') . ' = :id')->bind(':id', $id);
        if ((int) $db->setQuery($known)->loadResult() > 0) {
            return;
        }
        $row = (object) ['id' => $id, 'body' => $body, 'made_at' => $now, 'next_at' => $now, 'tries' => 0, 'error' => ''];
        $db->insertObject(self::TABLE, $row);
    }

    public function due(int $now, int $most): array
    {
        $db = $this->db;
        $query = $db->getQuery(true)->select($db->quoteName(['id', 'body', 'tries']))->from($db->quoteName(self::TABLE))
            ->where($db->quoteName('next_at') . ' <= :now')->bind(':now', $now, ParameterType::INTEGER)
            ->order($db->quoteName('made_at'))->setLimit($most);
        $rows = $db->setQuery($query)->loadAssocList() ?: [];

        return array_map(fn (array $row) => ['tries' => (int) $row['tries']] + $row, $rows);
    }

    public function remove(string $id): void
    {
        $db = $this->db;
        $query = $db->getQuery(true)->delete($db->quoteName(self::TABLE))->where($db->quoteName('id') . ' = :id')->bind(':id', $id);
        $db->setQuery($query)->execute();
    }

    public function postpone(string $id, int $nextAt, string $error): void
    {
        $db = $this->db;
        $tries = $error === 'being sent' ? '' : ' + 1';
        $query = $db->getQuery(true)->update($db->quoteName(self::TABLE))
            ->set($db->quoteName('next_at') . ' = :next')->set($db->quoteName('error') . ' = :error')
            ->set($db->quoteName('tries') . ' = ' . $db->quoteName('tries') . $tries)
            ->where($db->quoteName('id') . ' = :id')
            ->bind(':next', $nextAt, ParameterType::INTEGER)->bind(':error', $error)->bind(':id', $id);
        $db->setQuery($query)->execute();
    }
}
