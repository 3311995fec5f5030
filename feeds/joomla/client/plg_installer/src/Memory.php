<?php
// SPDX-License-Identifier: GPL-2.0-or-later

namespace __NS__\Installer;

defined('_JEXEC') or die;

use Joomla\Database\DatabaseInterface;

/**
 * What the kit has to remember, as JSON in the column `custom_data` of its own row in `#__extensions`: a column that
 * neither the settings form nor an update writes to, and that goes when the kit goes.
 *
 * - rows: update_site_id => the address before it was rewritten
 * - keys: extension_id => the extra_query it had last
 * - site: the host name last seen in a browser, for the command line, which has none
 * - states: product => the server's last answer
 */
final class Memory
{
    private $db;

    public function __construct(DatabaseInterface $db)
    {
        $this->db = $db;
    }

    public function read(): array
    {
        $query = $this->query()->select($this->db->quoteName('custom_data'))->from($this->db->quoteName('#__extensions'));
        $data  = json_decode((string) $this->db->setQuery($this->own($query))->loadResult(), true);

        return (is_array($data) ? $data : []) + ['rows' => [], 'keys' => [], 'site' => '', 'states' => []];
    }

    public function write(array $data)
    {
        $query = $this->query()
            ->update($this->db->quoteName('#__extensions'))
            ->set($this->db->quoteName('custom_data') . ' = ' . $this->db->quote(json_encode($data)));

        $this->db->setQuery($this->own($query))->execute();
    }

    private function own($query)
    {
        return $query
            ->where($this->db->quoteName('type') . ' = ' . $this->db->quote('plugin'))
            ->where($this->db->quoteName('folder') . ' = ' . $this->db->quote('installer'))
            ->where($this->db->quoteName('element') . ' = ' . $this->db->quote('__ELEMENT__'));
    }

    private function query()
    {
        return method_exists($this->db, 'createQuery') ? $this->db->createQuery() : $this->db->getQuery(true);
    }
}
