import type { MailLanguage } from '../notify/mail-facts.ts';
import type { OrderState } from '../payments/order-states.ts';

interface OrderWords {
  headline: Readonly<Record<OrderState, string>>;
  sentence: Readonly<Record<OrderState, string>>;
  /** It is paid, and nothing came of it yet. */
  nothingYet: string;
  keyHeading: string;
  keyLabel: string;
  keyElsewhere: string;
  /** The license is not what was bought any more. */
  givenBack: string;
  revoked: string;
  suspended: string;
  noEnd: string;
  until(day: string): string;
  ended(day: string): string;
  products: string;
  download(product: string, version: string, platform: string): string;
  pay(provider: string): string;
  order: string;
  what: string;
  number: string;
  beforeTax: string;
  ordered: string;
}

export const ORDER_WORDS: Readonly<Record<MailLanguage, OrderWords>> = {
  en: {
    headline: {
      open: 'Waiting for the payment',
      processing: 'The payment is on its way',
      paid: 'Thank you',
      failed: 'The payment failed',
      expired: 'The payment was not finished in time',
      mismatch: 'The payment is being looked into',
    },
    sentence: {
      open: 'As soon as the payment is confirmed, your key appears here and is sent to you by mail. This page looks again by itself.',
      processing:
        'You have confirmed it, and your bank takes its time. The key comes by mail when the money is there; this page looks again by itself.',
      paid: 'The payment is confirmed.',
      failed: 'Nothing was taken. You can try again.',
      expired: 'Nothing was taken. You can begin again.',
      mismatch: 'What was paid is not what was ordered, so a person looks at it. The vendor has been told.',
    },
    nothingYet: 'What you bought could not be handed over yet. The vendor has been told.',
    keyHeading: 'Your license key',
    keyLabel: 'Copy it into the extension',
    keyElsewhere: 'The license has its key already; it came by mail when it was made.',
    givenBack: 'This was given back: the license is not valid any more.',
    revoked: 'This license was withdrawn. Ask the vendor why.',
    suspended: 'This license is suspended. Ask the vendor why.',
    noEnd: 'Valid without an end.',
    until: (day) => `Valid until ${day} (UTC).`,
    ended: (day) => `It ended on ${day} (UTC).`,
    products: 'Products',
    download: (product, version, platform) => `Download ${product} ${version} for ${platform}`,
    pay: (provider) => `Go to the payment at ${provider}`,
    order: 'Order',
    what: 'What',
    number: 'Number',
    beforeTax: 'Before tax',
    ordered: 'Ordered',
  },
  de: {
    headline: {
      open: 'Die Zahlung steht noch aus',
      processing: 'Die Zahlung ist unterwegs',
      paid: 'Vielen Dank',
      failed: 'Die Zahlung ist fehlgeschlagen',
      expired: 'Die Zahlung wurde nicht rechtzeitig abgeschlossen',
      mismatch: 'Die Zahlung wird geprüft',
    },
    sentence: {
      open: 'Sobald die Zahlung bestätigt ist, steht Ihr Schlüssel hier und kommt per E-Mail. Diese Seite sieht von selbst wieder nach.',
      processing:
        'Sie haben bestätigt, und Ihre Bank braucht noch Zeit. Der Schlüssel kommt per E-Mail, sobald das Geld da ist; diese Seite sieht von selbst wieder nach.',
      paid: 'Die Zahlung ist bestätigt.',
      failed: 'Es wurde nichts abgebucht. Sie können es noch einmal versuchen.',
      expired: 'Es wurde nichts abgebucht. Sie können neu beginnen.',
      mismatch:
        'Bezahlt wurde etwas anderes, als bestellt war; das sieht sich ein Mensch an. Der Verkäufer weiß Bescheid.',
    },
    nothingYet: 'Was Sie gekauft haben, konnte noch nicht übergeben werden. Der Verkäufer weiß Bescheid.',
    keyHeading: 'Ihr Lizenzschlüssel',
    keyLabel: 'Zum Eintragen in die Erweiterung',
    keyElsewhere: 'Die Lizenz hat ihren Schlüssel schon; er kam per E-Mail, als er erstellt wurde.',
    givenBack: 'Dieser Kauf wurde rückgängig gemacht: Die Lizenz gilt nicht mehr.',
    revoked: 'Diese Lizenz wurde zurückgezogen. Fragen Sie den Verkäufer nach dem Grund.',
    suspended: 'Diese Lizenz ist gesperrt. Fragen Sie den Verkäufer nach dem Grund.',
    noEnd: 'Gültig ohne Ende.',
    until: (day) => `Gültig bis ${day} (UTC).`,
    ended: (day) => `Abgelaufen am ${day} (UTC).`,
    products: 'Produkte',
    download: (product, version, platform) => `${product} ${version} für ${platform} herunterladen`,
    pay: (provider) => `Zur Zahlung bei ${provider}`,
    order: 'Bestellung',
    what: 'Was',
    number: 'Anzahl',
    beforeTax: 'Vor Steuern',
    ordered: 'Bestellt am',
  },
  fr: {
    headline: {
      open: 'En attente du paiement',
      processing: 'Le paiement est en cours',
      paid: 'Merci',
      failed: 'Le paiement a échoué',
      expired: 'Le paiement n’a pas été terminé à temps',
      mismatch: 'Le paiement est en cours de vérification',
    },
    sentence: {
      open: 'Dès que le paiement est confirmé, votre clé apparaît ici et vous est envoyée par e-mail. Cette page se met à jour toute seule.',
      processing:
        'Vous avez confirmé, et votre banque prend son temps. La clé arrive par e-mail dès réception de l’argent ; cette page se met à jour toute seule.',
      paid: 'Le paiement est confirmé.',
      failed: 'Rien n’a été débité. Vous pouvez réessayer.',
      expired: 'Rien n’a été débité. Vous pouvez recommencer.',
      mismatch: 'Ce qui a été payé n’est pas ce qui a été commandé : une personne s’en occupe. Le vendeur est prévenu.',
    },
    nothingYet: 'Ce que vous avez acheté n’a pas encore pu être remis. Le vendeur est prévenu.',
    keyHeading: 'Votre clé de licence',
    keyLabel: 'À copier dans l’extension',
    keyElsewhere: 'La licence a déjà sa clé ; elle est arrivée par e-mail lors de sa création.',
    givenBack: 'Cet achat a été annulé : la licence n’est plus valable.',
    revoked: 'Cette licence a été retirée. Demandez la raison au vendeur.',
    suspended: 'Cette licence est suspendue. Demandez la raison au vendeur.',
    noEnd: 'Valable sans limite de durée.',
    until: (day) => `Valable jusqu’au ${day} (UTC).`,
    ended: (day) => `Elle a pris fin le ${day} (UTC).`,
    products: 'Produits',
    download: (product, version, platform) => `Télécharger ${product} ${version} pour ${platform}`,
    pay: (provider) => `Vers le paiement chez ${provider}`,
    order: 'Commande',
    what: 'Article',
    number: 'Nombre',
    beforeTax: 'Hors taxes',
    ordered: 'Commandé le',
  },
};
