<?php

/*
 * Feedgate for shops: tells Feedgate of orders of HikaShop and Membership Pro.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

declare(strict_types=1);

namespace Feedgate\Plugin\System\FeedgateShop\Extension;

use Feedgate\Plugin\System\FeedgateShop\Events;
use Feedgate\Plugin\System\FeedgateShop\Queue;
use Feedgate\Plugin\System\FeedgateShop\Sender;
use Feedgate\Plugin\System\FeedgateShop\TableStore;
use Joomla\CMS\Log\Log;
use Joomla\CMS\Plugin\CMSPlugin;
use Joomla\Database\DatabaseAwareTrait;
use Joomla\Event\Event;
use Joomla\Event\SubscriberInterface;

\defined('_JEXEC') or die;

/** Listens to the shops. A fault here is logged and never stops an order. */
final class FeedgateShop extends CMSPlugin implements SubscriberInterface
{
    use DatabaseAwareTrait;

    /** Of Membership Pro: canceled and given back. */
    private const REFUNDED = 4;

    public static function getSubscribedEvents(): array
    {
        return [
            'onBeforeOrderUpdate' => 'beforeOrder',
            'onAfterOrderCreate' => 'afterOrder',
            'onAfterOrderUpdate' => 'afterOrder',
            'onMembershipActive' => 'membershipActive',
            'onMembershipExpire' => 'membershipExpire',
            'onAfterStoreSubscription' => 'membershipStored',
            'onAfterRespond' => 'retry',
        ];
    }

    /** @var array<int, string> Statuses of orders before they are changed, by order. */
    private array $before = [];

    public function beforeOrder(Event $event): void
    {
        $this->safely(function () use ($event): void {
            $order = $this->first($event);
            $id = (int) ($order->order_id ?? 0);
            $this->before[$id] = (string) ($order->old->order_status ?? $this->statusOf($id));
        });
    }

    public function afterOrder(Event $event): void
    {
        $this->safely(function () use ($event): void {
            $changed = $this->first($event);
            $id = (int) ($changed->order_id ?? 0);
            if ($id === 0 || !\function_exists('hikashop_get')) {
                return;
            }
            $order = hikashop_get('class.order')->loadFullOrder($id, true, false);
            $currency = hikashop_get('class.currency')->get($order->order_currency_id)->currency_code ?? '';
            $this->tell($this->events()->ofHikaShop($order, $this->before[$id] ?? '', (string) $currency, time()));
        });
    }

    public function membershipActive(Event $event): void
    {
        $this->safely(fn () => $this->tell($this->events()->ofMembership($this->first($event), time())));
    }

    public function membershipExpire(Event $event): void
    {
        $this->safely(fn () => $this->tell($this->events()->ofMembershipEnd($this->first($event), time())));
    }

    public function membershipStored(Event $event): void
    {
        $this->safely(function () use ($event): void {
            $row = $this->first($event);
            if ((int) ($row->published ?? 0) === self::REFUNDED) {
                $this->tell($this->events()->ofMembershipRefund($row, time()));
            }
        });
    }

    /** In the administrator, where nobody waits for a shop's page. */
    public function retry(): void
    {
        if ($this->getApplication()?->isClient('administrator')) {
            $this->safely(fn () => $this->queue()->flush(time(), 2));
        }
    }

    private function statusOf(int $id): string
    {
        $db = $this->getDatabase();
        $query = $db->getQuery(true)->select($db->quoteName('order_status'))->from($db->quoteName('#__hikashop_order'))
            ->where($db->quoteName('order_id') . ' = ' . $id);

        return (string) $db->setQuery($query)->loadResult();
    }

    /** @param array<string, mixed>|null $event */
    private function tell(?array $event): void
    {
        if ($event === null) {
            return;
        }
        $this->queue()->add($event, time());
        $this->queue()->flush(time());
    }

    private function first(Event $event): object
    {
        $arguments = array_values($event->getArguments());

        return \is_object($arguments[0] ?? null) ? $arguments[0] : new \stdClass();
    }

    private function events(): Events
    {
        $paid = array_map('trim', explode(',', (string) $this->params->get('paid', 'confirmed,shipped')));
        $currency = strtoupper(trim((string) $this->params->get('currency', 'EUR')));

        return new Events((string) $this->params->get('prices', ''), $paid, $currency, (bool) $this->params->get('test', 0));
    }

    private function queue(): Queue
    {
        $sender = new Sender((string) $this->params->get('url', ''), trim((string) $this->params->get('secret', '')));

        return new Queue(new TableStore($this->getDatabase()), $sender);
    }

    private function safely(callable $task): void
    {
        try {
            $task();
        } catch (\Throwable $fault) {
            Log::add($fault->getMessage(), Log::ERROR, 'feedgateshop');
        }
    }
}
