import type { MailLanguage } from '../notify/mail-facts.ts';

interface Section {
  title: string;
  text: string;
}

/** What stands where something is bought, as new or into a license. */
interface BuyWords {
  by(seller: string): string;
  quantity: string;
  email: string;
  addon: string;
  sites: string;
  devices: string;
  seats: string;
  anyNumber: string;
  until: string;
  versions: string;
  license: string;
  renew: Section;
  change: Section;
  add: Section;
  nothing: string;
  revoked: string;
  noEnd: string;
  heldUntil(day: string): string;
  heldEnded(day: string): string;
  /** After what is held. */
  runs: string;
}

export const BUY_WORDS: Readonly<Record<MailLanguage, BuyWords>> = {
  en: {
    by: (seller) => `by ${seller}`,
    quantity: 'How many',
    email: 'Your e-mail address, to which the key is sent',
    addon: 'This adds to a license that you have. Buy it by the renewal link that came with your key.',
    sites: 'Sites',
    devices: 'Devices',
    seats: 'Seats',
    anyNumber: 'any number',
    until: 'Until',
    versions: 'Versions',
    license: 'Your license',
    renew: { title: 'Renew', text: 'Adds time to the license that you have; the key stays the same.' },
    change: {
      title: 'Change to another package',
      text: 'It takes the place of what runs now, from today on, at its full price: nothing is credited for what is left.',
    },
    add: { title: 'Add', text: 'Adds to the license that you have.' },
    nothing: 'Nothing can be bought into this license at the moment.',
    revoked: 'This license was withdrawn: nothing can be bought into it.',
    noEnd: 'without an end',
    heldUntil: (day) => `until ${day}`,
    heldEnded: (day) => `ended ${day}`,
    runs: 'it renews itself, so there is nothing to do',
  },
  de: {
    by: (seller) => `von ${seller}`,
    quantity: 'Anzahl',
    email: 'Ihre E-Mail-Adresse, an die der Schlüssel geht',
    addon:
      'Das ergänzt eine Lizenz, die Sie schon haben. Kaufen Sie es über den Link zur Verlängerung, der mit Ihrem Schlüssel kam.',
    sites: 'Websites',
    devices: 'Geräte',
    seats: 'Plätze',
    anyNumber: 'beliebig viele',
    until: 'Bis',
    versions: 'Versionen',
    license: 'Ihre Lizenz',
    renew: { title: 'Verlängern', text: 'Verlängert die Lizenz, die Sie haben; der Schlüssel bleibt derselbe.' },
    change: {
      title: 'Zu einem anderen Paket wechseln',
      text: 'Es tritt von heute an und zum vollen Preis an die Stelle dessen, was jetzt läuft: Der Rest wird nicht angerechnet.',
    },
    add: { title: 'Ergänzen', text: 'Ergänzt die Lizenz, die Sie haben.' },
    nothing: 'Zu dieser Lizenz kann gerade nichts gekauft werden.',
    revoked: 'Diese Lizenz wurde zurückgezogen: Zu ihr kann nichts gekauft werden.',
    noEnd: 'ohne Ende',
    heldUntil: (day) => `bis ${day}`,
    heldEnded: (day) => `abgelaufen am ${day}`,
    runs: 'verlängert sich von selbst, es ist also nichts zu tun',
  },
  fr: {
    by: (seller) => `par ${seller}`,
    quantity: 'Quantité',
    email: 'Votre adresse e-mail, à laquelle la clé est envoyée',
    addon:
      'Ceci complète une licence que vous avez déjà. Achetez-le par le lien de renouvellement reçu avec votre clé.',
    sites: 'Sites',
    devices: 'Appareils',
    seats: 'Postes',
    anyNumber: 'autant que vous voulez',
    until: 'Jusqu’au',
    versions: 'Versions',
    license: 'Votre licence',
    renew: { title: 'Renouveler', text: 'Prolonge la licence que vous avez ; la clé reste la même.' },
    change: {
      title: 'Passer à une autre offre',
      text: 'Elle remplace dès aujourd’hui ce qui est en cours, à son prix entier : le temps restant n’est pas déduit.',
    },
    add: { title: 'Compléter', text: 'Complète la licence que vous avez.' },
    nothing: 'Rien ne peut être acheté pour cette licence en ce moment.',
    revoked: 'Cette licence a été retirée : rien ne peut être acheté pour elle.',
    noEnd: 'sans limite de durée',
    heldUntil: (day) => `jusqu’au ${day}`,
    heldEnded: (day) => `terminée le ${day}`,
    runs: 'elle se renouvelle d’elle-même, il n’y a donc rien à faire',
  },
};
