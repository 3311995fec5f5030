import { Problem, type ProblemCode } from '../errors.ts';
import type { MailLanguage } from '../notify/mail-facts.ts';

/** Why a buyer cannot go on. */
interface ShopFaults {
  choose: string;
  email: string;
  quantity: string;
  consent: string;
  provider: string;
  /** What the shop itself refuses; null: in the words of the refusal, which are English. */
  refused: Partial<Record<ProblemCode, string>> | null;
  /** It refuses something else. */
  other: string;
}

export const SHOP_FAULTS: Readonly<Record<MailLanguage, ShopFaults>> = {
  en: {
    choose: 'Choose a price.',
    email: 'The e-mail address is not complete.',
    quantity: 'How many must be a whole number from 1 to 100000.',
    consent: 'You can go on when you have agreed to the sentence above the prices.',
    provider: 'The payment provider does not answer as it should. Nothing was taken; try again in a while.',
    refused: null,
    other: '',
  },
  de: {
    choose: 'Wählen Sie einen Preis.',
    email: 'Die E-Mail-Adresse ist nicht vollständig.',
    quantity: 'Die Anzahl muss eine ganze Zahl von 1 bis 100000 sein.',
    consent: 'Weiter geht es, wenn Sie dem Satz über den Preisen zugestimmt haben.',
    provider:
      'Der Zahlungsdienst antwortet nicht, wie er soll. Es wurde nichts abgebucht; versuchen Sie es etwas später noch einmal.',
    refused: {
      PACKAGE_INACTIVE: 'Das wird nicht mehr oder nicht mehr zu diesem Preis verkauft.',
      TRIAL_USED: 'Die Probezeit gibt es nur einmal, und Sie hatten sie schon.',
      SUBSCRIPTION_RUNS: 'Dafür läuft schon ein Abonnement.',
      NO_END_TO_EXTEND: 'Ihre Lizenz hat das schon ohne Ende.',
      NOTHING_OPEN: 'In der Lizenz läuft nichts, was ersetzt werden könnte.',
      STILL_IN_USE: 'Diese Lizenz wurde zurückgezogen.',
      ADDON_NEEDS_LICENSE: 'Das ergänzt eine Lizenz, die Sie schon haben.',
      NOT_CONNECTED: 'Mit diesem Zahlungsdienst kann hier gerade nicht bezahlt werden.',
      ALREADY_EXISTS: 'Die Bestellung ist bezahlt, oder ihre Zahlung ist unterwegs.',
    },
    other: 'Das kann so nicht bestellt werden. Öffnen Sie die Seite neu und versuchen Sie es noch einmal.',
  },
  fr: {
    choose: 'Choisissez un prix.',
    email: 'L’adresse e-mail n’est pas complète.',
    quantity: 'La quantité doit être un nombre entier de 1 à 100000.',
    consent: 'Vous pourrez continuer après avoir accepté la phrase au-dessus des prix.',
    provider:
      'Le service de paiement ne répond pas comme il devrait. Rien n’a été prélevé ; réessayez dans quelque temps.',
    refused: {
      PACKAGE_INACTIVE: 'Ceci n’est plus vendu, ou plus à ce prix.',
      TRIAL_USED: 'L’essai n’est offert qu’une fois, et vous l’avez déjà eu.',
      SUBSCRIPTION_RUNS: 'Un abonnement est déjà en cours pour cela.',
      NO_END_TO_EXTEND: 'Votre licence l’a déjà sans limite de durée.',
      NOTHING_OPEN: 'Rien n’est en cours dans la licence qui puisse être remplacé.',
      STILL_IN_USE: 'Cette licence a été retirée.',
      ADDON_NEEDS_LICENSE: 'Ceci complète une licence que vous avez déjà.',
      NOT_CONNECTED: 'Ce service de paiement n’est pas disponible ici pour le moment.',
      ALREADY_EXISTS: 'La commande est payée, ou son paiement est en cours.',
    },
    other: 'Ceci ne peut pas être commandé ainsi. Rouvrez la page et réessayez.',
  },
};

/** A refusal in words for a buyer; whatever else went wrong is thrown on. */
export function faultWords(error: unknown, language: MailLanguage): string {
  const words = SHOP_FAULTS[language];
  if (error instanceof Problem && error.code === 'PAYMENT_TROUBLE') return words.provider;
  if (!(error instanceof Problem) || error.status >= 500) throw error;
  if (words.refused === null) return `${error.errors[0]?.detail ?? error.message}.`;
  return words.refused[error.code] ?? words.other;
}
