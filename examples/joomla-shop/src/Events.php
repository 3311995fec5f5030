<?php

/*
 * Feedgate for shops: tells Feedgate of orders of HikaShop and Membership Pro.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

declare(strict_types=1);

namespace Feedgate\Plugin\System\FeedgateShop;

\defined('_JEXEC') or die;

/** Makes events of what shops hold. Knows nothing of Joomla, so that it can be tried by itself. */
final class Events
{
    /** @var array<string, string> What sells what: the shop's code => price or package of Feedgate. */
    private array $prices = [];

    /** @param list<string> $paid Order statuses of HikaShop that are paid */
    public function __construct(string $prices, private array $paid, private string $currency, private bool $test)
    {
        foreach (preg_split('/\R/', $prices) ?: [] as $line) {
            [$code, $price] = array_map('trim', explode('=', $line, 2) + ['', '']);
            if ($code !== '' && $price !== '') {
                $this->prices[$code] = $price;
            }
        }
    }

    /**
     * An order of HikaShop whose status has changed; null: that is nothing for Feedgate.
     *
     * @param object $order as `loadFullOrder` gives it, with `products` and `customer`
     * @return array<string, mixed>|null
     */
    public function ofHikaShop(object $order, string $before, string $currency, int $now): ?array
    {
        $isPaid = \in_array((string) $order->order_status, $this->paid, true);
        $wasPaid = \in_array($before, $this->paid, true);
        if ($isPaid === $wasPaid) {
            return null;
        }
        [$items, $net, $tax, $isAll] = $this->itemsOf($order, $currency);
        if ($items === []) {
            return null;
        }
        // A coupon is for the whole order: of one that holds other goods too nobody knows for which.
        $discount = $isAll ? self::minor((float) ($order->order_discount_price ?? 0), $currency) : 0;
        $event = ['order' => (string) $order->order_number, 'at' => self::instant($now), 'test' => $this->test];
        if (!$isPaid) {
            $refund = ['id' => $order->order_number . '-' . $order->order_status, 'amount_minor' => max(0, $net + $tax - $discount)];

            return ['type' => 'refunded', 'refund' => $refund + ['reason' => 'the order is ' . $order->order_status]] + $event;
        }
        $money = ['amount_minor' => max(0, $net + $tax - $discount), 'discount_minor' => $discount, 'tax_minor' => $tax];
        $customer = self::customer((string) ($order->customer->user_email ?? ''), (string) ($order->customer->name ?? ''));

        return ['type' => 'paid', 'items' => $items, 'customer' => $customer, 'currency' => $currency] + $money + $event;
    }

    /** @return array{0: list<array<string, mixed>>, 1: int, 2: int, 3: bool} items, net, tax, whether that is all of the order */
    private function itemsOf(object $order, string $currency): array
    {
        $items = [];
        $net = $tax = 0;
        foreach ($order->products ?? [] as $product) {
            $price = $this->prices[(string) $product->order_product_code] ?? null;
            $quantity = (int) $product->order_product_quantity;
            if ($price === null || $quantity < 1) {
                continue;
            }
            $amount = self::minor((float) $product->order_product_price * $quantity, $currency);
            $net += $amount;
            $tax += self::minor((float) $product->order_product_tax * $quantity, $currency);
            $items[] = self::sold($price) + ['quantity' => $quantity, 'line' => (string) $product->order_product_id, 'amount_minor' => $amount];
        }

        return [$items, $net, $tax, \count($items) === \count((array) ($order->products ?? []))];
    }

    /**
     * A subscription of Membership Pro that is active: it is paid for its dates. Each has an order of its own; those of one member and
     * plan are one subscription, so that a renewal goes into the same license.
     *
     * @return array<string, mixed>|null
     */
    public function ofMembership(object $row, int $now): ?array
    {
        $price = $this->prices['plan:' . $row->plan_id] ?? null;
        $start = strtotime($row->from_date . ' UTC');
        $end = strtotime($row->to_date . ' UTC');
        if ($price === null || $start === false || $end === false || $end <= $start) {
            return null;
        }
        $amount = self::minor((float) $row->gross_amount, $this->currency);
        $name = trim($row->first_name . ' ' . $row->last_name);

        return ['type' => 'paid', 'items' => [self::sold($price)], 'customer' => self::customer((string) $row->email, $name)]
            + ['amount_minor' => $amount, 'currency' => $this->currency]
            + ['period' => ['start' => self::instant($start), 'end' => self::instant($end)]] + $this->about($row, $now);
    }

    /** @return array<string, mixed>|null */
    public function ofMembershipEnd(object $row, int $now): ?array
    {
        return isset($this->prices['plan:' . $row->plan_id]) ? ['type' => 'canceled'] + $this->about($row, $now) : null;
    }

    /** @return array<string, mixed>|null */
    public function ofMembershipRefund(object $row, int $now): ?array
    {
        $refund = ['id' => "mp-$row->id-refund", 'amount_minor' => self::minor((float) $row->gross_amount, $this->currency)];

        return isset($this->prices['plan:' . $row->plan_id]) ? ['type' => 'refunded', 'refund' => $refund] + $this->about($row, $now) : null;
    }

    /** @return array<string, mixed> */
    private function about(object $row, int $now): array
    {
        $member = (int) $row->user_id > 0 ? (string) (int) $row->user_id : strtolower(trim((string) $row->email));

        return ['order' => "mp-$row->id", 'subscription' => ['id' => "mp-$member-$row->plan_id"]]
            + ['at' => self::instant($now), 'test' => $this->test];
    }

    /** @return array<string, string> */
    private static function sold(string $price): array
    {
        return [str_starts_with($price, 'pkg_') ? 'package' : 'price' => $price];
    }

    /** @return array<string, string> */
    private static function customer(string $email, string $name): array
    {
        $name = trim($name);

        return ['email' => trim($email)] + ($name === '' ? [] : ['name' => mb_substr($name, 0, 200)]);
    }

    private static function instant(int $at): string
    {
        return gmdate('Y-m-d\TH:i:s\Z', $at);
    }

    private static function minor(float $amount, string $currency): int
    {
        $none = ['BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'];
        $three = ['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'];
        $digits = \in_array($currency, $none, true) ? 0 : (\in_array($currency, $three, true) ? 3 : 2);

        return (int) round($amount * 10 ** $digits);
    }
}
