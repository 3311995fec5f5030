<?php
// SPDX-License-Identifier: GPL-2.0-or-later

namespace __NS__\Installer;

defined('_JEXEC') or die;

use Joomla\Database\DatabaseInterface;

/**
 * Keeps the rows of `#__update_sites` that point at this server right, and no other row.
 *
 * Before Joomla 5.3, and in the check before a Joomla update to this day, nothing but a row's `location` reaches the
 * server. So the location itself carries key, site and instance, and is put back when the kit goes.
 */
final class UpdateSites
{
    private $db;
    private $memory;
    private $site;
    private $instance;

    public function __construct(DatabaseInterface $db, Memory $memory, string $site, string $instance)
    {
        $this->db       = $db;
        $this->memory   = $memory;
        $this->site     = $site;
        $this->instance = $instance;
    }

    /** Brings all rows of this server up to date. Doing it again changes nothing. */
    public function sync()
    {
        $before = $this->memory->read();
        $memory = ['site' => $this->site, 'rows' => [], 'keys' => $this->stillInstalled($before['keys'])] + $before;
        $rows   = $this->carryKeys($this->mergeTwins($this->rows()), $before['rows'], $memory['keys']);

        foreach ($rows as $id => $row) {
            $known    = $before['rows'][$id] ?? '';
            $original = $known !== '' && Server::plain($known) === Server::plain($row['location']) ? $known : $this->original($row['location']);

            $memory['rows'][$id] = $original;
        }

        $memory['keys'] = $this->keysNow($memory['keys'], $rows, $memory['rows']);

        // Remembered first: a row must never be rewritten while its own address is nowhere.
        if ($memory != $before) {
            $this->memory->write($memory);
        }

        foreach ($rows as $id => $row) {
            $key = Server::keyOf($row['extra_query']);

            $this->move($id, $row['location'], Server::keyed($memory['rows'][$id], $key, $this->site, $this->instance, $row['installed']));
        }
    }

    /** Gives every row that the kit has rewritten its own address back. */
    public function restore()
    {
        $memory = $this->memory->read();

        if (!$memory['rows']) {
            return;
        }

        foreach (array_intersect_key($this->rows(), $memory['rows']) as $id => $row) {
            $this->move($id, $row['location'], $memory['rows'][$id]);
        }

        $memory['rows'] = [];
        $this->memory->write($memory);
    }

    /**
     * The rows of this server in the order of their ids.
     *
     * @return array<int, array{location: string, extra_query: string, installed: string, extensions: int[]}>
     */
    public function rows(): array
    {
        $query = $this->query()
            ->select($this->db->quoteName(['s.update_site_id', 's.location', 's.extra_query', 'l.extension_id', 'e.manifest_cache']))
            ->from($this->db->quoteName('#__update_sites', 's'))
            ->join('LEFT', $this->db->quoteName('#__update_sites_extensions', 'l') . ' ON '
                . $this->db->quoteName('l.update_site_id') . ' = ' . $this->db->quoteName('s.update_site_id'))
            ->join('LEFT', $this->db->quoteName('#__extensions', 'e') . ' ON '
                . $this->db->quoteName('e.extension_id') . ' = ' . $this->db->quoteName('l.extension_id'))
            ->order($this->db->quoteName('s.update_site_id') . ', ' . $this->db->quoteName('l.extension_id'));

        $rows = [];

        foreach ($this->db->setQuery($query)->loadAssocList() as $line) {
            if (!Server::owns((string) $line['location'])) {
                continue;
            }

            $id = (int) $line['update_site_id'];

            $rows[$id]['location']    = (string) $line['location'];
            $rows[$id]['extra_query'] = (string) $line['extra_query'];
            $rows[$id]['extensions']  = $rows[$id]['extensions'] ?? [];
            $rows[$id]['installed']   = ($rows[$id]['installed'] ?? '') ?: self::installed((string) $line['manifest_cache']);

            if ((int) $line['extension_id']) {
                $rows[$id]['extensions'][] = (int) $line['extension_id'];
            }
        }

        return $rows;
    }

    /** The version in what Joomla remembers of an extension's manifest; empty where it is none, or too long to be sent. */
    private static function installed(string $manifestCache): string
    {
        $manifest = json_decode($manifestCache, true);
        $version  = is_array($manifest) && is_string($manifest['version'] ?? null) ? trim($manifest['version']) : '';

        return preg_match('/^[0-9A-Za-z][0-9A-Za-z.+_-]{0,39}$/', $version) ? $version : '';
    }

    /** The address to ask instead of this one, which Joomla is about to ask for a feed. */
    public function feedUrl(string $url): string
    {
        foreach ($this->rows() as $row) {
            if (Server::plain($row['location']) === Server::plain($url)) {
                return $row['location'];
            }
        }

        return Server::keyed(Server::plain($url), Server::keyIn($url), $this->site, $this->instance);
    }

    /** The address to fetch a package from instead of this one. */
    public function downloadUrl(string $url): string
    {
        return Server::download($url, $this->keyFor($url), $this->site, $this->instance);
    }

    /** The key of the product that an address of this server belongs to, empty if this site has none. */
    public function keyFor(string $url): string
    {
        $key = Server::keyIn($url);

        foreach ($key === '' ? $this->rows() : [] as $row) {
            if (Server::product($row['location']) === Server::product($url)) {
                $key = Server::keyOf($row['extra_query']) ?: $key;
            }
        }

        return $key;
    }

    /**
     * Joomla knows a row by its location: an update of the extension finds ours rewritten and adds the plain address
     * once more. The older row stays, with the newest key of the two, and the newer one goes.
     */
    private function mergeTwins(array $rows): array
    {
        $kept = [];

        foreach ($rows as $id => $row) {
            $plain = Server::plain($row['location']);

            if (!isset($kept[$plain])) {
                $kept[$plain] = $id;
                continue;
            }

            $first = $kept[$plain];

            foreach (array_diff($row['extensions'], $rows[$first]['extensions']) as $extension) {
                $this->run($this->query()->insert($this->db->quoteName('#__update_sites_extensions'))
                    ->columns($this->db->quoteName(['update_site_id', 'extension_id']))
                    ->values((int) $first . ', ' . (int) $extension));
                $rows[$first]['extensions'][] = $extension;
            }

            if (Server::keyOf($row['extra_query']) !== '' && $row['extra_query'] !== $rows[$first]['extra_query']) {
                $rows[$first]['extra_query'] = $row['extra_query'];
                $this->set('#__update_sites', 'extra_query', $row['extra_query'], $first);
            }

            foreach (['#__update_sites_extensions', '#__updates', '#__update_sites'] as $table) {
                $this->run($this->query()->delete($this->db->quoteName($table))
                    ->where($this->db->quoteName('update_site_id') . ' = ' . (int) $id));
            }

            unset($rows[$id]);
        }

        return $rows;
    }

    /**
     * A new row without a key takes the one that its extension had, from an older row or, after "Rebuild", from memory.
     * A known row without one was emptied by the administrator and stays empty.
     */
    private function carryKeys(array $rows, array $known, array $remembered): array
    {
        $keys = $this->keysNow($remembered, $rows, $known);

        foreach (array_diff_key($rows, $known) as $id => $row) {
            $found = array_filter(array_intersect_key($keys, array_flip($row['extensions'])));

            if ($found && Server::keyOf($row['extra_query']) === '') {
                $rows[$id]['extra_query'] = end($found);
                $this->set('#__update_sites', 'extra_query', end($found), $id);
            }
        }

        return $rows;
    }

    /**
     * The extra_query of each extension: of its newest row that has a key; without rows, what is remembered.
     *
     * @return array<int, string>
     */
    private function keysNow(array $remembered, array $rows, array $known): array
    {
        $keys = $remembered;

        foreach ($rows as $id => $row) {
            $hasKey = Server::keyOf($row['extra_query']) !== '';

            foreach ($hasKey || isset($known[$id]) ? $row['extensions'] : [] as $extension) {
                $keys[$extension] = $hasKey ? $row['extra_query'] : '';
            }
        }

        return $keys;
    }

    /** A location that carries our marks already (of an earlier kit, or of another one for this server) is no original. */
    private function original(string $location): string
    {
        return Server::keyIn($location) !== '' || strpos($location, 'instance=') !== false ? Server::plain($location) : $location;
    }

    /** Rewrites an address, also where a found update already holds it, and lets Joomla ask again. */
    private function move(int $id, string $from, string $to)
    {
        if ($from === $to) {
            return;
        }

        $this->set('#__update_sites', 'location', $to, $id);
        $this->set('#__update_sites', 'last_check_timestamp', '0', $id);
        $this->run($this->query()->update($this->db->quoteName('#__updates'))
            ->set($this->db->quoteName('detailsurl') . ' = ' . $this->db->quote($to))
            ->where($this->db->quoteName('update_site_id') . ' = ' . $id)
            ->where($this->db->quoteName('detailsurl') . ' = ' . $this->db->quote(trim($from))));
    }

    private function set(string $table, string $column, string $value, int $id)
    {
        $this->run($this->query()->update($this->db->quoteName($table))
            ->set($this->db->quoteName($column) . ' = ' . $this->db->quote($value))
            ->where($this->db->quoteName('update_site_id') . ' = ' . $id));
    }

    /** What is remembered of extensions that are gone is forgotten. */
    private function stillInstalled(array $keys): array
    {
        if (!$keys) {
            return [];
        }

        $ids = $this->db->setQuery($this->query()->select($this->db->quoteName('extension_id'))
            ->from($this->db->quoteName('#__extensions'))
            ->where($this->db->quoteName('extension_id') . ' IN (' . implode(', ', array_keys($keys)) . ')'))->loadColumn();

        return array_intersect_key($keys, array_flip($ids));
    }

    private function run($query)
    {
        $this->db->setQuery($query)->execute();
    }

    private function query()
    {
        return method_exists($this->db, 'createQuery') ? $this->db->createQuery() : $this->db->getQuery(true);
    }
}
