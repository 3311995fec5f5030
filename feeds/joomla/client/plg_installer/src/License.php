<?php
// SPDX-License-Identifier: GPL-2.0-or-later

namespace __NS__\Installer;

defined('_JEXEC') or die;

use Joomla\CMS\Http\HttpFactory;

/** Asks the server what a key opens, and remembers the answer. It asks; it never switches anything on or off. */
final class License
{
    /** Seconds. One slow server must not hold up an administrator's page for longer. */
    const TIMEOUT = 5;

    /** Seconds for which an answer is shown again without asking. */
    const FRESH = 300;

    private $memory;
    private $site;
    private $instance;
    private $silent = false;

    public function __construct(Memory $memory, string $site, string $instance)
    {
        $this->memory   = $memory;
        $this->site     = $site;
        $this->instance = $instance;
    }

    /**
     * The last answer for a product and key: valid, code, detail, used, max (null: unlimited), until, renew, at (seconds,
     * UTC), contact (false: the server did not answer just now). Without any answer yet only contact.
     */
    public function state(string $product, string $key, bool $ask = false): array
    {
        $memory = $this->memory->read();
        $mark   = substr(hash('sha256', $key . '|' . $this->site), 0, 12);
        $known  = $memory['states'][$product] ?? [];
        $known  = ($known['mark'] ?? '') === $mark ? $known : [];

        if (!$ask && $known && $known['at'] > time() - self::FRESH) {
            return $known + ['contact' => true];
        }

        $answer = $this->validate($product, $key);

        if ($answer === null) {
            return $known + ['contact' => false];
        }

        $state                       = ['mark' => $mark, 'at' => time()] + $answer;
        $memory['states'][$product] = $state;
        $this->memory->write($memory);

        return $state + ['contact' => true];
    }

    /** Whether the server refuses this package to a site without a key; false also where it does not say. */
    public function refusesWithoutKey(string $url): bool
    {
        try {
            return HttpFactory::getHttp()->head($url, [], self::TIMEOUT)->getStatusCode() === 403;
        } catch (\Throwable $e) {
            return false;
        }
    }

    /** One question to the server; null if no proper answer came. */
    private function validate(string $product, string $key)
    {
        // A server that has just been silent is not asked for the next product of the same page.
        if ($this->silent) {
            return null;
        }

        $body = array_filter(['key' => $key, 'product' => $product, 'site' => $this->site, 'instance' => $this->instance]);

        try {
            $response = HttpFactory::getHttp()->post(
                rtrim(Server::URL, '/') . '/api/v1/licenses/validate',
                json_encode($body),
                ['Content-Type' => 'application/json', 'Accept' => 'application/json'],
                self::TIMEOUT
            );
            $answer = $response->getStatusCode() === 200 ? json_decode((string) $response->getBody(), true) : null;
        } catch (\Throwable $e) {
            $answer = null;
        }

        if (!is_array($answer) || !is_bool($answer['valid'] ?? null)) {
            $this->silent = true;

            return null;
        }

        $renew = self::text($answer['renew_url'] ?? '');

        return [
            'valid'  => $answer['valid'],
            'code'   => self::text($answer['code'] ?? ''),
            'detail' => self::text($answer['detail'] ?? ''),
            'used'   => isset($answer['limits']['sites']['used']) ? (int) $answer['limits']['sites']['used'] : null,
            'max'    => isset($answer['limits']['sites']['max']) ? (int) $answer['limits']['sites']['max'] : null,
            'until'  => self::text($answer['valid_until'] ?? ''),
            'renew'  => preg_match('~^https?://~i', $renew) ? $renew : '',
        ];
    }

    /** At most 500 characters, never half of one: the memory is JSON. */
    private static function text($value): string
    {
        return is_string($value) ? (string) preg_replace('/^(.{500}).*$/us', '$1', $value) : '';
    }
}
