<?php

/*
 * Feedgate for shops: tells Feedgate of orders of HikaShop and Membership Pro.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

declare(strict_types=1);

namespace Feedgate\Plugin\System\FeedgateShop;

\defined('_JEXEC') or die;

/** Signs events as Standard Webhooks 1.0.0 are signed and posts them. Knows nothing of Joomla. */
final class Sender
{
    public function __construct(private string $url, private string $secret, private int $timeout = 10)
    {
    }

    /** @return array<string, string> */
    public function headers(string $id, string $body, int $now): array
    {
        $key = base64_decode(preg_replace('/^whsec_/', '', $this->secret) ?? '', true);
        if ($key === false || $key === '') {
            throw new \RuntimeException('the secret of the account is missing, or was not copied whole');
        }
        $mac = base64_encode(hash_hmac('sha256', "$id.$now.$body", $key, true));

        return ['webhook-id' => $id, 'webhook-timestamp' => (string) $now, 'webhook-signature' => "v1,$mac"];
    }

    /**
     * The signature is made at each try, since it is good for five minutes only; the id stays, so that nothing is counted twice.
     *
     * @return array{done: bool, error: string} done: it is stored, or will never be taken as it is
     */
    public function send(string $id, string $body, int $now): array
    {
        $headers = ["Content-Type: application/json", 'Accept: application/json'];
        foreach ($this->headers($id, $body, $now) as $name => $value) {
            $headers[] = "$name: $value";
        }
        $http = ['method' => 'POST', 'header' => $headers, 'content' => $body];
        $http += ['timeout' => $this->timeout, 'ignore_errors' => true, 'follow_location' => 0];
        $answer = @file_get_contents($this->url, false, stream_context_create(['http' => $http]));
        $status = 0;
        foreach ($http_response_header ?? [] as $line) {
            if (preg_match('~^HTTP/\S+ (\d{3})~', $line, $match)) {
                $status = (int) $match[1];
            }
        }
        if ($status >= 200 && $status < 300) {
            return ['done' => true, 'error' => ''];
        }
        $said = json_decode((string) $answer, true);
        $detail = \is_array($said) ? ($said['code'] ?? '') . ' ' . ($said['detail'] ?? '') : 'no answer that could be read';

        // Everything may be mended: a secret, a price, a server. So it is kept and tried again.
        return ['done' => false, 'error' => trim("$status $detail")];
    }
}
