import type { Words } from './mail-words.ts';

export const EN: Words = {
  locale: 'en-GB',
  greeting: (name) => (name === '' ? 'Hello,' : `Hello ${name},`),
  subject: {
    key: ({ product, keys }) => (keys > 1 ? `Your license keys for ${product}` : `Your license key for ${product}`),
    renewed: ({ product }) => `Renewed: ${product}`,
    expiring: ({ product, end }) => `${product}: your license ends on ${end}`,
    ended: ({ product }) => `${product}: your license has ended`,
    payment_failed: ({ product }) => `${product}: the payment did not go through`,
    recovered: ({ product }) => `${product}: your payment has arrived`,
    canceled: ({ product }) => `${product}: your subscription is canceled`,
    refunded: ({ product, amount }) => `${product}: ${amount} refunded`,
    key_replaced: ({ product }) => `${product}: you have a new license key`,
    withdrawal: ({ vendor }) => `We have received your withdrawal (${vendor})`,
    withdrawal_vendor: () => 'A customer has withdrawn from a contract',
    vendor_alert: () => 'Something needs your attention',
  },
  body: {
    key: ({ product, keys }) => [
      keys > 1
        ? `thank you for your order. Here are your license keys for ${product}.`
        : `thank you for your order. Here is your license key for ${product}.`,
    ],
    renewed: ({ product, end }) => [
      end === ''
        ? `your license for ${product} is renewed. Your key stays the same; there is nothing to do on your sites.`
        : `your license for ${product} is renewed until ${end}. Your key stays the same; there is nothing to do on your sites.`,
    ],
    expiring: ({ product, end }) => [
      `your license for ${product} ends on ${end}. It does not renew itself.`,
      'After that the product goes on working, but there are no more updates. If you renew, your key and your sites stay as they are.',
    ],
    ended: ({ product, end }) => [
      `your license for ${product} ended on ${end}.`,
      'The product goes on working, but there are no more updates. If you renew, your key and your sites stay as they are.',
    ],
    payment_failed: ({ product, day }) => [
      `the payment for your subscription to ${product} did not go through. Often a card has expired or reached its limit, or the bank wants you to confirm the payment.`,
      ...(day === '' ? [] : [`You get updates until ${day}. Please pay or change your means of payment by then.`]),
    ],
    recovered: ({ product, end }) => [
      end === ''
        ? `your payment for ${product} has arrived. Everything goes on as before.`
        : `your payment for ${product} has arrived. Everything goes on as before; it is paid until ${end}.`,
    ],
    canceled: ({ product, end, over }) => [
      `your subscription to ${product} is canceled. Nothing more will be charged.`,
      ...(end === '' ? [] : [over ? `Your updates ended on ${end}.` : `You get updates until ${end}.`]),
    ],
    refunded: ({ product, amount }) => [
      `${amount} for ${product} have been refunded. How soon they arrive is up to your bank or payment service.`,
    ],
    key_replaced: ({ product, day }) => [
      `there is a new license key for ${product}. It takes the place of the one you have.`,
      day === ''
        ? 'The old key does not work any more.'
        : `The old key goes on until ${day}. Please type the new one into all of your sites by then.`,
    ],
    withdrawal: ({ vendor, day }) => [
      `${vendor} received your declaration of withdrawal on ${day}. Please keep this mail: it is your proof of what you declared and when.`,
      'You will be told what comes next. Nothing has been changed in your license yet.',
    ],
    withdrawal_vendor: ({ day }) => [
      `on ${day} a customer declared a withdrawal on your page. It was confirmed to the customer; licenses and payments are unchanged.`,
      'Check whether it is due, refund the payment where it is, and answer the customer.',
    ],
    vendor_alert: () => ['something happened that Feedgate does not settle by itself:'],
  },
  keyHeading: (keys) => (keys > 1 ? 'Your license keys:' : 'Your license key:'),
  stepsHeading: 'First steps',
  steps: {
    joomla:
      'Joomla: open System → Update Sites, choose the update site of the extension, type the key into Download Key and save. Then check for updates.',
    dolibarr:
      'Dolibarr: open Home → Setup → Modules, open the setup page of the module, type the key into the field for the license key and save. Then check for updates on the page of modules.',
  },
  otherSteps: 'Type the key into the settings of the product, where it asks for the license key.',
  keyIsFor: 'The key opens updates and downloads. Without it the product goes on working, but gets no updates.',
  labels: {
    product: 'Product',
    until: 'Updates until',
    sites: 'Sites',
    reference: 'Order',
    amount: 'Amount',
    noEnd: 'without an end',
    renewsItself: (end) => `${end}, then it renews itself`,
    unlimited: 'as many as you like',
    sitesOf: (sites) => (sites === 1 ? '1 site' : `${sites} sites`),
    order: 'Order',
    name: 'Name',
    email: 'E-mail',
    statement: 'Statement',
    received: 'Received',
    problem: 'What happened',
    about: 'About',
  },
  links: {
    order: 'Your order, with your keys and the newest file to download',
    renew: 'Renew this license',
    pay: 'To the payment',
    stop: 'No more reminders',
    page: 'Page of the product',
  },
  soldBy: (vendor) => `Sold by ${vendor}.`,
  help: (address) => `Questions? ${address}`,
  test: 'This belongs to a test order: nothing was paid.',
  testMark: '[Test]',
};
