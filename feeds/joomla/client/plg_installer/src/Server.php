<?php
// SPDX-License-Identifier: GPL-2.0-or-later

namespace __NS__\Installer;

defined('_JEXEC') or die;

/**
 * The update server that this kit belongs to, and how its addresses are written. No input, no output, no state.
 *
 * An address is *plain* as the extension's manifest has it, and *keyed* once key, site, instance and the installed version are in it:
 * `/k/{key}/{org}/{repo}/updates.xml?site=...&instance=...&installed=...&x=.xml`. It ends in `.xml`, because Joomla asks twice
 * (the second time with `/extension.xml` appended) where a feed address ends otherwise and something goes wrong.
 */
final class Server
{
    const URL = '__SERVER_URL__';

    /** The parameters that this kit adds, and so takes away again. */
    const OWN_PARAMETERS = ['dlid', 'site', 'instance', 'installed', 'x'];

    /** Whether the address lies on this server: same host, same port, below the same path. */
    public static function owns(string $url): bool
    {
        return self::pathOf($url) !== null;
    }

    /** `org/repo` or `org/repo/edition` of a feed's or package's address, empty for any other. */
    public static function product(string $url): string
    {
        $segments = explode('/', trim(self::withoutKey((string) self::pathOf($url)), '/'));

        // No edition is called "download", but a repository may be.
        foreach ([2, 3] as $length) {
            $next = $segments[$length] ?? '';

            if ($next === 'download' || ($next === 'updates.xml' && count($segments) === $length + 1)) {
                return implode('/', array_map('rawurldecode', array_slice($segments, 0, $length)));
            }
        }

        return '';
    }

    /** The address without anything that this kit has put into it. */
    public static function plain(string $url): string
    {
        $query = array_filter(
            self::parameters($url),
            function ($name) {
                return !in_array($name, self::OWN_PARAMETERS, true);
            },
            ARRAY_FILTER_USE_KEY
        );

        return self::address(self::withoutKey((string) self::pathOf($url)), $query);
    }

    /** A feed's address with key, site, instance and installed version; what is empty is left out. */
    public static function keyed(string $plain, string $key, string $site, string $instance, string $installed = ''): string
    {
        $path  = self::withoutKey((string) self::pathOf($plain));
        $query = self::parameters(self::plain($plain));

        // The path form is known for a product's feed only. An address of another form (an old one that the server
        // still answers) takes the key as a parameter.
        if ($key !== '' && self::product($plain) !== '') {
            $path = '/k/' . rawurlencode($key) . $path;
        } elseif ($key !== '') {
            $query['dlid'] = $key;
        }

        return self::address($path, $query + array_filter(['site' => $site, 'instance' => $instance, 'installed' => $installed], 'strlen') + ['x' => '.xml']);
    }

    /** A package's address with what is missing in it; a key that is there already stays. */
    public static function download(string $url, string $key, string $site, string $instance): string
    {
        $query = self::parameters($url);

        if ($key !== '' && self::keyIn($url) === '') {
            $query['dlid'] = $key;
        }

        return self::address((string) self::pathOf($url), array_filter(['site' => $site, 'instance' => $instance]) + $query);
    }

    /** The key inside an address, empty if there is none. */
    public static function keyIn(string $url): string
    {
        if (preg_match('~^/k/([^/]+)/~', (string) self::pathOf($url), $match)) {
            return rawurldecode($match[1]);
        }

        return self::keyOf((string) parse_url($url, PHP_URL_QUERY));
    }

    /** The key inside a row's `extra_query`, which is `dlid=KEY` in whatever dress the manifest gave it. */
    public static function keyOf(string $extraQuery): string
    {
        $query = self::split($extraQuery);

        foreach (['dlid', 'key', 'license_key'] as $name) {
            if (isset($query[$name]) && trim($query[$name]) !== '') {
                return trim($query[$name]);
            }
        }

        return '';
    }

    /** Enough of a key to tell it from another one. */
    public static function hint(string $key): string
    {
        return strlen($key) > 8 ? "\u{2026}" . substr($key, -4) : "\u{2026}";
    }

    /** The part of the path below the server's own address, or null for an address elsewhere. */
    private static function pathOf(string $url)
    {
        $own   = parse_url(self::URL);
        $other = parse_url(trim($url));

        if (!is_array($other) || empty($other['host']) || !in_array(strtolower($other['scheme'] ?? ''), ['http', 'https'], true)) {
            return null;
        }

        if (strtolower($other['host']) !== strtolower($own['host']) || self::port($other) !== self::port($own)) {
            return null;
        }

        $base = rtrim($own['path'] ?? '', '/') . '/';
        $path = $other['path'] ?? '/';

        return strpos($path, $base) === 0 && strpos($path, '/..') === false ? substr($path, strlen($base) - 1) : null;
    }

    /** 0 for the usual ports: a manifest that still says http means the same server, and is asked as URL says. */
    private static function port(array $parts): int
    {
        $port = $parts['port'] ?? 0;

        return in_array($port, [80, 443], true) ? 0 : $port;
    }

    private static function withoutKey(string $path): string
    {
        return preg_replace('~^/k/[^/]+(?=/)~', '', $path);
    }

    private static function parameters(string $url): array
    {
        return self::split((string) parse_url(trim($url), PHP_URL_QUERY));
    }

    /** Joomla joins a key to an address with a literal `&amp;`, and manifests have been seen with `&dlid=`. */
    private static function split(string $query): array
    {
        $parameters = [];

        foreach (explode('&', str_replace('&amp;', '&', $query)) as $pair) {
            if ($pair !== '' && $pair !== '?') {
                $parts = explode('=', ltrim($pair, '?'), 2);

                $parameters[rawurldecode($parts[0])] = rawurldecode($parts[1] ?? '');
            }
        }

        return $parameters;
    }

    private static function address(string $path, array $query): string
    {
        $text = http_build_query($query, '', '&', PHP_QUERY_RFC3986);

        return rtrim(self::URL, '/') . $path . ($text === '' ? '' : '?' . $text);
    }
}
