import type { MailLanguage } from '../notify/mail-facts.ts';

interface WithdrawWords {
  title: string;
  whom: string;
  nobody: string;
  with(seller: string): string;
  ask: string;
  order: string;
  name: string;
  emailWhy: string;
  email: string;
  statement: string;
  goOn: string;
  confirmTitle: string;
  confirm: string;
  change: string;
  doneTitle: string;
  received(at: string): string;
  reference: string;
  missing: Readonly<Record<'order' | 'name' | 'email' | 'link', string>>;
}

export const WITHDRAW_WORDS: Readonly<Record<MailLanguage, WithdrawWords>> = {
  en: {
    title: 'Withdraw from a contract',
    whom: 'From whom did you buy?',
    nobody: 'Nobody sells here. Withdraw where you bought.',
    with: (seller) => `with ${seller}`,
    ask: 'Say which contract you withdraw from. On the next page you confirm it.',
    order: 'Order',
    name: 'Your name',
    emailWhy: 'E-mail address, to which the confirmation is sent',
    email: 'E-mail address',
    statement: 'Statement',
    goOn: 'Go on',
    confirmTitle: 'Confirm the withdrawal',
    confirm: 'Confirm withdrawal',
    change: 'Change something',
    doneTitle: 'Your withdrawal was received',
    received: (at) =>
      `Received on ${at}. A confirmation goes to your address; the seller has been told and answers you.`,
    reference: 'Reference',
    missing: {
      order: 'Say which order it is about: its number, or what you bought and when.',
      name: 'Say your name.',
      email: 'The e-mail address is not complete.',
      link: 'Order and name are sent by mail, so no address of the web may stand in them.',
    },
  },
  de: {
    title: 'Vertrag widerrufen',
    whom: 'Bei wem haben Sie gekauft?',
    nobody: 'Hier verkauft niemand. Widerrufen Sie dort, wo Sie gekauft haben.',
    with: (seller) => `bei ${seller}`,
    ask: 'Geben Sie an, welchen Vertrag Sie widerrufen. Auf der nächsten Seite bestätigen Sie es.',
    order: 'Bestellung',
    name: 'Ihr Name',
    emailWhy: 'E-Mail-Adresse, an die die Bestätigung geht',
    email: 'E-Mail-Adresse',
    statement: 'Erklärung',
    goOn: 'Weiter',
    confirmTitle: 'Widerruf bestätigen',
    confirm: 'Widerruf bestätigen',
    change: 'Etwas ändern',
    doneTitle: 'Ihr Widerruf ist eingegangen',
    received: (at) =>
      `Eingegangen am ${at}. Eine Bestätigung geht an Ihre Adresse; der Verkäufer weiß Bescheid und antwortet Ihnen.`,
    reference: 'Kennung',
    missing: {
      order: 'Geben Sie an, um welche Bestellung es geht: ihre Nummer, oder was Sie wann gekauft haben.',
      name: 'Geben Sie Ihren Namen an.',
      email: 'Die E-Mail-Adresse ist nicht vollständig.',
      link: 'Bestellung und Name gehen in eine E-Mail; deshalb darf keine Internetadresse darin stehen.',
    },
  },
  fr: {
    title: 'Se rétracter d’un contrat',
    whom: 'À qui avez-vous acheté ?',
    nobody: 'Personne ne vend ici. Rétractez-vous là où vous avez acheté.',
    with: (seller) => `auprès de ${seller}`,
    ask: 'Indiquez de quel contrat vous vous rétractez. Vous confirmerez à la page suivante.',
    order: 'Commande',
    name: 'Votre nom',
    emailWhy: 'Adresse e-mail à laquelle la confirmation est envoyée',
    email: 'Adresse e-mail',
    statement: 'Déclaration',
    goOn: 'Continuer',
    confirmTitle: 'Confirmer la rétractation',
    confirm: 'Confirmer la rétractation',
    change: 'Modifier',
    doneTitle: 'Votre rétractation a été reçue',
    received: (at) =>
      `Reçue le ${at}. Une confirmation est envoyée à votre adresse ; le vendeur est prévenu et vous répondra.`,
    reference: 'Référence',
    missing: {
      order: 'Indiquez la commande : son numéro, ou ce que vous avez acheté et quand.',
      name: 'Indiquez votre nom.',
      email: 'L’adresse e-mail n’est pas complète.',
      link: 'La commande et le nom sont envoyés par e-mail : ils ne doivent contenir aucune adresse web.',
    },
  },
};
