import type { MailLanguage } from '../notify/mail-facts.ts';

/** What somebody declares when he withdraws, as it is shown to him, kept and confirmed. */
export function statementOf(language: MailLanguage, orderRef: string): string {
  return STATEMENTS[language](orderRef);
}

const STATEMENTS: Readonly<Record<MailLanguage, (orderRef: string) => string>> = {
  en: (orderRef) => `I withdraw from the contract of the order ${orderRef}.`,
  de: (orderRef) => `Ich widerrufe den Vertrag zur Bestellung ${orderRef}.`,
  fr: (orderRef) => `Je me rétracte du contrat de la commande ${orderRef}.`,
};
