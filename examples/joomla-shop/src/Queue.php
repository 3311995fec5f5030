<?php

/*
 * Feedgate for shops: tells Feedgate of orders of HikaShop and Membership Pro.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

declare(strict_types=1);

namespace Feedgate\Plugin\System\FeedgateShop;

\defined('_JEXEC') or die;

/** Where events wait until Feedgate has them: written before the first try, removed when one was answered. */
interface Store
{
    public function add(string $id, string $body, int $now): void;

    /** @return list<array{id: string, body: string, tries: int}> those that are due, oldest first */
    public function due(int $now, int $most): array;

    public function remove(string $id): void;

    public function postpone(string $id, int $nextAt, string $error): void;
}

/** Sends what waits. What fails is tried again after a minute, two, four and so on, at most a day, for as long as it takes. */
final class Queue
{
    private const DAY = 86400;

    public function __construct(private Store $store, private Sender $sender)
    {
    }

    /**
     * The id is made of what the event says and when, and stays the same at every try.
     *
     * @param array<string, mixed> $event
     */
    public function add(array $event, int $now): void
    {
        $body = json_encode($event, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
        $this->store->add(substr(hash('sha256', $body), 0, 40), $body, $now);
    }

    public function flush(int $now, int $most = 5): void
    {
        foreach ($this->store->due($now, $most) as $waiting) {
            ['id' => $id, 'body' => $body, 'tries' => $tries] = $waiting;
            // Should this request die while it waits for an answer, nobody tries again at the same moment.
            $this->store->postpone($id, $now + min(self::DAY, 60 * 2 ** min($tries, 11)), 'being sent');
            try {
                $sent = $this->sender->send($id, $body, $now);
            } catch (\Throwable $fault) {
                $sent = ['done' => false, 'error' => $fault->getMessage()];
            }
            if ($sent['done']) {
                $this->store->remove($id);
            } else {
                $this->store->postpone($id, $now + min(self::DAY, 60 * 2 ** min($tries, 11)), mb_substr($sent['error'], 0, 500));
            }
        }
    }
}
