import type { Core } from '../app.ts';
import { requireOrganization } from '../forge/forge-reads.ts';
import { requireKey } from '../licensing/key-reads.ts';
import { licenseKeyView } from '../licensing/key-sale-view.ts';
import { keyText } from '../licensing/keys.ts';
import { addKey } from '../licensing/level-keys.ts';
import { requirePackage } from '../licensing/package-reads.ts';
import { sellAt } from '../licensing/shop.ts';
import { type Call, type Command, EXIT, listOf, numberOf, required, textOf, UsageError } from './command.ts';
import { levelOf } from './level.ts';
import { byCli, secretOf, withCore } from './session.ts';

export const keyCreate: Command = {
  name: 'key create',
  summary:
    'Issues a license key and shows it this once: of a new license, of more time for an old one, or one more key.',
  usage: '--package "One year" --customer-name Jane --customer-email jane@example.com [--payment-ref INV-7] …',
  help: [
    '--package      what is given, by name or id',
    '--customer-name, --customer-email   whose the license is; the same address is the same customer',
    '--license      sells into this license; without --package one more key of it',
    '--org          whose package it is, where several organizations exist',
    '--quantity     how many times the package (1)',
    '--domains      sites that the key works on: example.com,*.example.org; any otherwise',
    '--payment-ref  the payment; the same one again gives the same key and sells nothing',
    '--label        a name for one more key',
    '--text         the text of the key, from the shop that was used before; or --text-file',
  ],
  options: {
    package: { type: 'string' },
    'customer-name': { type: 'string' },
    'customer-email': { type: 'string' },
    license: { type: 'string' },
    org: { type: 'string' },
    quantity: { type: 'string' },
    domains: { type: 'string' },
    'payment-ref': { type: 'string' },
    label: { type: 'string' },
    text: { type: 'string' },
    'text-file': { type: 'string' },
  },
  async run(call) {
    const wish = await readWish(call);
    return withCore(call, 'database', async (core) => {
      const { keyId, replayed } =
        wish.sold === null ? await oneMore(core, wish) : await sold(core, call, wish, wish.sold);
      const found = await requireKey(core.db, core.secrets, keyId);
      const text = keyText(core.secrets, found.key);
      call.io.json({ key: text, replayed, ...licenseKeyView(found, null, core.clock()) });
      if (replayed) call.io.note('This payment was sold before; nothing new was written.');
      call.io.say(text);
      return EXIT.ok;
    });
  },
};

interface Wish {
  licenseId: string | null;
  text: string | undefined;
  domains: string[];
  label: string;
  /** null: no package is sold. */
  sold: {
    package: string;
    quantity: number;
    paymentRef: string | null;
    customer: { name: string; email: string };
  } | null;
}

async function readWish(call: Call): Promise<Wish> {
  const { values } = call;
  const licenseId = textOf(values, 'license') ?? null;
  const shared = {
    licenseId,
    text: await secretOf(call, 'text', null),
    domains: listOf(values, 'domains'),
    label: textOf(values, 'label') ?? '',
  };
  const name = textOf(values, 'package');
  if (name === undefined && licenseId === null)
    throw new UsageError('say --package, or --license for one more key of it');
  if (name === undefined) return { ...shared, sold: null };
  if (licenseId !== null && shared.text !== undefined)
    throw new UsageError('--text is for a new license, or for one more key (--license without --package)');
  const customer = { name: textOf(values, 'customer-name') ?? '', email: textOf(values, 'customer-email') ?? '' };
  if (licenseId === null) required(customer.name || customer.email, '--customer-name or --customer-email');
  if (customer.email !== '' && !/^[^\s@]+@[^\s@]+$/.test(customer.email))
    throw new UsageError('--customer-email is an e-mail address');
  const quantity = numberOf(values, 'quantity') ?? 1;
  if (quantity < 1) throw new UsageError('--quantity is at least 1');
  return { ...shared, sold: { package: name, quantity, paymentRef: textOf(values, 'payment-ref') ?? null, customer } };
}

interface Made {
  keyId: string;
  replayed: boolean;
}

async function oneMore(core: Core, { licenseId, text, domains, label }: Wish): Promise<Made> {
  const wish = { label, domains, ...(text === undefined ? {} : { text }) };
  const key = await addKey(core.db, core.secrets, licenseId ?? '', wish, byCli(core));
  return { keyId: key.id, replayed: false };
}

async function sold(core: Core, { values }: Call, wish: Wish, sale: NonNullable<Wish['sold']>): Promise<Made> {
  const level = /^pkg_/.test(sale.package) && textOf(values, 'org') === undefined ? null : await levelOf(core, values);
  const found = await requirePackage(core.db, level, sale.package);
  const organization = level?.organization ?? (await requireOrganization(core.db, found.organizationId));
  const { quantity, paymentRef, customer } = sale;
  const { key, replayed } = await sellAt(
    core,
    { organization, repository: null },
    {
      packageId: found.id,
      licenseId: wish.licenseId,
      ...{ quantity, customer, paymentRef },
      domains: wish.domains,
      text: wish.text,
      // Without a payment there is nothing that a refund could close.
      source: paymentRef === null ? 'admin' : 'purchase',
      line: '1',
      request: null,
    },
    byCli(core),
  );
  return { keyId: key.id, replayed };
}
