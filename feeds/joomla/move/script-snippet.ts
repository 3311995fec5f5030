import type { JoomlaFacts } from '../../../src/releases/release.ts';

export const METHOD = 'feedgateMoveUpdateSite';
export const BEGIN = '// <feedgate-move>';
export const END = '// </feedgate-move>';

export interface SnippetWish {
  identity: Pick<JoomlaFacts, 'type' | 'element' | 'folder' | 'client'>;
  feedUrl: string;
}

/**
 * The method that an install script gets, in lines without indentation. It runs before Joomla adds the manifest's server, which
 * Joomla leaves out where a row has its address already: so the old row is given the new address and keeps its key. Rows of other
 * extensions are never touched; a row that is shared with one is only let go of.
 */
export function moveMethod({ identity, feedUrl }: SnippetWish): string[] {
  const { type, element, folder, client } = identity;
  const clientId = client === 'administrator' ? 1 : 0;
  return METHOD_TEXT.replaceAll('__TO__', () => php(feedUrl))
    .replaceAll('__OURS__', () => php(oursPattern(feedUrl)))
    .replaceAll('__TYPE__', () => php(type))
    .replaceAll('__ELEMENT__', () => php(element))
    .replaceAll('__FOLDER__', () => php(folder))
    .replaceAll('__CLIENT__', () => String(clientId))
    .trim()
    .split('\n');
}

/** A whole script file for an extension that has none. */
export function newScript(wish: SnippetWish): string {
  const method = moveMethod(wish).map((line) => (line === '' ? '' : `    ${line}`));
  return SCRIPT_TEXT.replace('__METHOD__', () => method.join('\n'));
}

/** The feed in every form that is the same to us: with a key in its path, with a query, by either scheme. */
export function oursPattern(feedUrl: string): string {
  const { host, pathname } = new URL(feedUrl);
  const quoted = (text: string) => text.replace(/[\\^$.*+?()[\]{}|~/#-]/g, '\\$&');
  // The kit puts the key behind the address of the server, which may have a path of its own.
  const path = pathname
    .slice(1)
    .split('/')
    .map((part) => `(?:/k/[^/?\\#]+)?/${quoted(part)}`);
  return `~^https?://${quoted(host)}${path.join('')}(?:[?\\#]|$)~i`;
}

function php(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

const METHOD_TEXT = `
${BEGIN}
/**
 * Takes the download key of this site along to the update server of the manifest and removes the rows of earlier servers.
 * Only rows of this very extension are touched. It may run again and again, and may go once no site comes from before it.
 */
private function ${METHOD}()
{
    $to   = __TO__;
    $ours = __OURS__;

    try {
        $db    = \\Joomla\\CMS\\Factory::getContainer()->get(\\Joomla\\Database\\DatabaseInterface::class);
        $fresh = function () use ($db) {
            return method_exists($db, 'createQuery') ? $db->createQuery() : $db->getQuery(true);
        };

        $query = $fresh()->select($db->quoteName('extension_id'))
            ->from($db->quoteName('#__extensions'))
            ->where($db->quoteName('type') . ' = ' . $db->quote(__TYPE__))
            ->where($db->quoteName('element') . ' = ' . $db->quote(__ELEMENT__))
            ->where($db->quoteName('folder') . ' = ' . $db->quote(__FOLDER__))
            ->where($db->quoteName('client_id') . ' = __CLIENT__');
        $extension = (int) $db->setQuery($query)->loadResult();

        $query = $fresh()->select($db->quoteName(['s.update_site_id', 's.location', 's.extra_query']))
            ->from($db->quoteName('#__update_sites', 's'))
            ->join('INNER', $db->quoteName('#__update_sites_extensions', 'e') . ' ON '
                . $db->quoteName('e.update_site_id') . ' = ' . $db->quoteName('s.update_site_id'))
            ->where($db->quoteName('e.extension_id') . ' = ' . $extension)
            ->order($db->quoteName('s.update_site_id'));
        $rows = $extension === 0 ? [] : $db->setQuery($query)->loadAssocList();

        $key    = '';
        $target = 0;
        $old    = [];

        foreach ($rows as $row) {
            $extra = str_replace('&amp;', '&', trim((string) $row['extra_query']));

            if (preg_match('~(?:^|[?&])(?:dlid|key|license_key)=([^&]+)~', $extra, $found)) {
                $extra = 'dlid=' . $found[1];
            }

            $isOurs = preg_match($ours, trim((string) $row['location'])) === 1;

            if ($extra !== '' && ($key === '' || ($isOurs && $target === 0))) {
                $key = $extra;
            }

            if ($isOurs) {
                $target = $target ?: (int) $row['update_site_id'];
            } else {
                $query = $fresh()->select('COUNT(*)')
                    ->from($db->quoteName('#__update_sites_extensions'))
                    ->where($db->quoteName('update_site_id') . ' = ' . (int) $row['update_site_id'])
                    ->where($db->quoteName('extension_id') . ' <> ' . $extension);
                $old[(int) $row['update_site_id']] = (int) $db->setQuery($query)->loadResult() > 0;
            }
        }

        if (!$old) {
            return;
        }

        $isOther = false;

        if ($target === 0) {
            // A row with this address that other extensions have: Joomla takes it for ours as well. A key in it stays.
            $query = $fresh()->select($db->quoteName('update_site_id'))
                ->from($db->quoteName('#__update_sites'))
                ->where($db->quoteName('location') . ' = ' . $db->quote($to));
            $target  = (int) $db->setQuery($query)->loadResult();
            $isOther = $target !== 0;
        }

        if ($target === 0) {
            $target = (int) array_search(false, $old, true);

            if ($target === 0) {
                $query = $fresh()->insert($db->quoteName('#__update_sites'))
                    ->columns($db->quoteName(['name', 'type', 'location', 'enabled', 'last_check_timestamp', 'extra_query']))
                    ->values(implode(', ', [$db->quote(__ELEMENT__), $db->quote('extension'), $db->quote($to), '1', '0', $db->quote($key)]));
                $db->setQuery($query)->execute();
                // Joomla links it to the extension itself, when it finds the address of the manifest there.
            } else {
                $query = $fresh()->update($db->quoteName('#__update_sites'))
                    ->set([
                        $db->quoteName('location') . ' = ' . $db->quote($to),
                        $db->quoteName('type') . ' = ' . $db->quote('extension'),
                        $db->quoteName('enabled') . ' = 1',
                        $db->quoteName('last_check_timestamp') . ' = 0',
                    ])
                    ->where($db->quoteName('update_site_id') . ' = ' . $target);
                $db->setQuery($query)->execute();
                $query = $fresh()->delete($db->quoteName('#__updates'))
                    ->where($db->quoteName('update_site_id') . ' = ' . $target);
                $db->setQuery($query)->execute();
            }
        }

        if ($target !== 0 && $key !== '') {
            $query = $fresh()->update($db->quoteName('#__update_sites'))
                ->set($db->quoteName('extra_query') . ' = ' . $db->quote($key))
                ->where($db->quoteName('update_site_id') . ' = ' . $target);

            if ($isOther) {
                $query->where('COALESCE(' . $db->quoteName('extra_query') . ', ' . $db->quote('') . ') = ' . $db->quote(''));
            }

            $db->setQuery($query)->execute();
        }

        foreach ($old as $id => $isShared) {
            if ($id === $target) {
                continue;
            }

            $query = $fresh()->delete($db->quoteName('#__update_sites_extensions'))
                ->where($db->quoteName('update_site_id') . ' = ' . $id)
                ->where($db->quoteName('extension_id') . ' = ' . $extension);
            $db->setQuery($query)->execute();

            if (!$isShared) {
                $query = $fresh()->delete($db->quoteName('#__updates'))
                    ->where($db->quoteName('update_site_id') . ' = ' . $id);
                $db->setQuery($query)->execute();
                $query = $fresh()->delete($db->quoteName('#__update_sites'))
                    ->where($db->quoteName('update_site_id') . ' = ' . $id);
                $db->setQuery($query)->execute();
            }
        }
    } catch (\\Throwable $e) {
        // The extension is installed whatever becomes of its update site; Joomla adds the new one beside the old one then.
    }
}
${END}
`;

const SCRIPT_TEXT = `<?php

defined('_JEXEC') or die;

use Joomla\\CMS\\Installer\\InstallerAdapter;
use Joomla\\CMS\\Installer\\InstallerScriptInterface;

return new class () implements InstallerScriptInterface {
    public function install(InstallerAdapter $adapter): bool
    {
        return true;
    }

    public function update(InstallerAdapter $adapter): bool
    {
        return true;
    }

    public function uninstall(InstallerAdapter $adapter): bool
    {
        return true;
    }

    public function preflight(string $type, InstallerAdapter $adapter): bool
    {
        return true;
    }

    public function postflight(string $type, InstallerAdapter $adapter): bool
    {
        if ($type !== 'uninstall') {
            $this->${METHOD}();
        }

        return true;
    }

__METHOD__
};
`;
