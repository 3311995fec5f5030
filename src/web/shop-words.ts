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
  },
};
