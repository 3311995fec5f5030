import type { MailLanguage } from '../notify/mail-facts.ts';

/** What stands on several pages of a shop. */
interface ShopWords {
  test: string;
  wrong: string;
  error: string;
  terms: string;
  privacy: string;
  withdraw: string;
  help: string;
  payTitle: string;
  payHeading: string;
  payText(provider: string): string;
  payLink(provider: string): string;
  missingTitle: string;
  missingHeading: string;
  /** What is not there, and what helps. */
  missing: Readonly<Record<'buy' | 'order' | 'renew' | 'withdraw', string>>;
  tooManyTitle: string;
  tooManyHeading: string;
  tooMany: string;
}

export const SHOP_WORDS: Readonly<Record<MailLanguage, ShopWords>> = {
  en: {
    test: 'No real money is taken here.',
    wrong: 'This did not work.',
    error: 'Error',
    terms: 'Terms',
    privacy: 'Privacy',
    withdraw: 'Withdraw from a contract here',
    help: 'Help',
    payTitle: 'Payment',
    payHeading: 'On to the payment',
    payText: (provider) => `${provider} takes the payment. You come back here when it is done.`,
    payLink: (provider) => `Go to ${provider}`,
    missingTitle: 'Not there',
    missingHeading: 'There is nothing here',
    missing: {
      buy: 'This is not sold, or not any more. Ask whoever gave you the link.',
      order: 'The address of an order is long; perhaps not all of it was copied.',
      renew: 'The address of a renewal is long; perhaps not all of it was copied.',
      withdraw: 'Withdraw where you bought: the address stands in the mail about your order.',
    },
    tooManyTitle: 'Too many',
    tooManyHeading: 'Too many at once',
    tooMany: 'Wait a minute, then try again.',
  },
  de: {
    test: 'Hier fließt kein echtes Geld.',
    wrong: 'Das hat nicht geklappt.',
    error: 'Fehler',
    terms: 'AGB',
    privacy: 'Datenschutz',
    withdraw: 'Vertrag hier widerrufen',
    help: 'Hilfe',
    payTitle: 'Zahlung',
    payHeading: 'Weiter zur Zahlung',
    payText: (provider) => `Die Zahlung nimmt ${provider} entgegen. Danach kommen Sie hierher zurück.`,
    payLink: (provider) => `Weiter zu ${provider}`,
    missingTitle: 'Nicht da',
    missingHeading: 'Hier ist nichts',
    missing: {
      buy: 'Das wird nicht oder nicht mehr verkauft. Fragen Sie dort, woher Sie den Link haben.',
      order: 'Die Adresse einer Bestellung ist lang; vielleicht wurde sie nicht ganz kopiert.',
      renew: 'Die Adresse einer Verlängerung ist lang; vielleicht wurde sie nicht ganz kopiert.',
      withdraw: 'Widerrufen Sie dort, wo Sie gekauft haben: Die Adresse steht in der E-Mail zu Ihrer Bestellung.',
    },
    tooManyTitle: 'Zu viele',
    tooManyHeading: 'Zu viele auf einmal',
    tooMany: 'Warten Sie eine Minute und versuchen Sie es dann noch einmal.',
  },
  fr: {
    test: 'Aucun argent réel n’est prélevé ici.',
    wrong: 'Cela n’a pas fonctionné.',
    error: 'Erreur',
    terms: 'Conditions générales',
    privacy: 'Confidentialité',
    withdraw: 'Se rétracter d’un contrat ici',
    help: 'Aide',
    payTitle: 'Paiement',
    payHeading: 'Vers le paiement',
    payText: (provider) => `${provider} encaisse le paiement. Vous reviendrez ici ensuite.`,
    payLink: (provider) => `Continuer vers ${provider}`,
    missingTitle: 'Introuvable',
    missingHeading: 'Il n’y a rien ici',
    missing: {
      buy: 'Ceci n’est pas vendu, ou ne l’est plus. Demandez à qui vous a donné le lien.',
      order: 'L’adresse d’une commande est longue ; elle n’a peut-être pas été copiée en entier.',
      renew: 'L’adresse d’un renouvellement est longue ; elle n’a peut-être pas été copiée en entier.',
      withdraw: 'Rétractez-vous là où vous avez acheté : l’adresse figure dans l’e-mail de votre commande.',
    },
    tooManyTitle: 'Trop de demandes',
    tooManyHeading: 'Trop de demandes à la fois',
    tooMany: 'Attendez une minute, puis réessayez.',
  },
};
