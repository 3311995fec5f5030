import type { Words } from './mail-words.ts';

export const DE: Words = {
  locale: 'de-DE',
  greeting: (name) => (name === '' ? 'Guten Tag,' : `Guten Tag ${name},`),
  subject: {
    key: ({ product, keys }) =>
      keys > 1 ? `Ihre Lizenzschlüssel für ${product}` : `Ihr Lizenzschlüssel für ${product}`,
    renewed: ({ product }) => `Verlängert: ${product}`,
    expiring: ({ product, end }) => `${product}: Ihre Lizenz endet am ${end}`,
    ended: ({ product }) => `${product}: Ihre Lizenz ist abgelaufen`,
    payment_failed: ({ product }) => `${product}: Die Zahlung ist fehlgeschlagen`,
    recovered: ({ product }) => `${product}: Ihre Zahlung ist eingegangen`,
    canceled: ({ product }) => `${product}: Ihr Abonnement ist gekündigt`,
    refunded: ({ product, amount }) => `${product}: ${amount} erstattet`,
    key_replaced: ({ product }) => `${product}: Sie haben einen neuen Lizenzschlüssel`,
    withdrawal: ({ vendor }) => `Ihr Widerruf ist eingegangen (${vendor})`,
    withdrawal_vendor: () => 'Ein Kunde hat einen Vertrag widerrufen',
    vendor_alert: () => 'Etwas braucht Ihre Aufmerksamkeit',
  },
  body: {
    key: ({ product, keys }) => [
      keys > 1
        ? `vielen Dank für Ihre Bestellung. Hier sind Ihre Lizenzschlüssel für ${product}.`
        : `vielen Dank für Ihre Bestellung. Hier ist Ihr Lizenzschlüssel für ${product}.`,
    ],
    renewed: ({ product, end }) => [
      end === ''
        ? `Ihre Lizenz für ${product} ist verlängert. Ihr Schlüssel bleibt derselbe; auf Ihren Websites ist nichts zu tun.`
        : `Ihre Lizenz für ${product} ist bis zum ${end} verlängert. Ihr Schlüssel bleibt derselbe; auf Ihren Websites ist nichts zu tun.`,
    ],
    expiring: ({ product, end }) => [
      `Ihre Lizenz für ${product} endet am ${end}. Sie verlängert sich nicht von selbst.`,
      'Danach läuft das Produkt weiter, bekommt aber keine Updates mehr. Wenn Sie verlängern, bleiben Schlüssel und Websites, wie sie sind.',
    ],
    ended: ({ product, end }) => [
      `Ihre Lizenz für ${product} ist am ${end} abgelaufen.`,
      'Das Produkt läuft weiter, bekommt aber keine Updates mehr. Wenn Sie verlängern, bleiben Schlüssel und Websites, wie sie sind.',
    ],
    payment_failed: ({ product, day }) => [
      `die Zahlung für Ihr Abonnement von ${product} ist fehlgeschlagen. Oft ist eine Karte abgelaufen oder ihr Rahmen erreicht, oder die Bank möchte, dass Sie die Zahlung bestätigen.`,
      ...(day === ''
        ? []
        : [`Updates bekommen Sie bis zum ${day}. Bitte zahlen Sie bis dahin oder ändern Sie Ihr Zahlungsmittel.`]),
    ],
    recovered: ({ product, end }) => [
      end === ''
        ? `Ihre Zahlung für ${product} ist eingegangen. Alles läuft weiter wie bisher.`
        : `Ihre Zahlung für ${product} ist eingegangen. Alles läuft weiter wie bisher; bezahlt ist bis zum ${end}.`,
    ],
    canceled: ({ product, end, over }) => [
      `Ihr Abonnement von ${product} ist gekündigt. Es wird nichts mehr abgebucht.`,
      ...(end === '' ? [] : [over ? `Ihre Updates endeten am ${end}.` : `Updates bekommen Sie bis zum ${end}.`]),
    ],
    refunded: ({ product, amount }) => [
      `für ${product} wurden ${amount} erstattet. Wann der Betrag ankommt, hängt von Ihrer Bank oder Ihrem Zahlungsdienst ab.`,
    ],
    key_replaced: ({ product, day }) => [
      `für ${product} gibt es einen neuen Lizenzschlüssel. Er tritt an die Stelle Ihres bisherigen.`,
      day === ''
        ? 'Der alte Schlüssel gilt nicht mehr.'
        : `Der alte Schlüssel gilt noch bis zum ${day}. Bitte tragen Sie bis dahin den neuen auf allen Ihren Websites ein.`,
    ],
    withdrawal: ({ vendor, day }) => [
      `${vendor} hat Ihre Widerrufserklärung am ${day} erhalten. Bitte bewahren Sie diese E-Mail auf: Sie belegt, was Sie wann erklärt haben.`,
      'Sie erfahren, wie es weitergeht. An Ihrer Lizenz wurde noch nichts geändert.',
    ],
    withdrawal_vendor: ({ day }) => [
      `am ${day} hat ein Kunde auf Ihrer Seite einen Widerruf erklärt. Dem Kunden wurde der Eingang bestätigt; Lizenzen und Zahlungen sind unverändert.`,
      'Prüfen Sie, ob der Widerruf berechtigt ist, erstatten Sie dann die Zahlung und antworten Sie dem Kunden.',
    ],
    vendor_alert: () => ['etwas ist geschehen, das Feedgate nicht von selbst regelt:'],
  },
  keyHeading: (keys) => (keys > 1 ? 'Ihre Lizenzschlüssel:' : 'Ihr Lizenzschlüssel:'),
  stepsHeading: 'Erste Schritte',
  steps: {
    joomla:
      'Joomla: Öffnen Sie System → Aktualisierungsquellen, wählen Sie die Quelle der Erweiterung, tragen Sie den Schlüssel bei „Download-Schlüssel“ ein und speichern Sie. Suchen Sie danach nach Aktualisierungen.',
    dolibarr:
      'Dolibarr: Öffnen Sie Start → Einstellungen → Module, öffnen Sie die Einstellungen des Moduls, tragen Sie den Schlüssel in das Feld für den Lizenzschlüssel ein und speichern Sie. Suchen Sie danach auf der Seite der Module nach Aktualisierungen.',
  },
  otherSteps: 'Tragen Sie den Schlüssel in den Einstellungen des Produkts ein, wo es nach dem Lizenzschlüssel fragt.',
  keyIsFor:
    'Der Schlüssel öffnet Updates und Downloads. Ohne ihn läuft das Produkt weiter, bekommt aber keine Updates.',
  labels: {
    product: 'Produkt',
    until: 'Updates bis',
    sites: 'Websites',
    reference: 'Bestellung',
    amount: 'Betrag',
    noEnd: 'ohne Ende',
    renewsItself: (end) => `${end}, dann verlängert sie sich von selbst`,
    unlimited: 'so viele Sie möchten',
    sitesOf: (sites) => (sites === 1 ? '1 Website' : `${sites} Websites`),
    order: 'Bestellung',
    name: 'Name',
    email: 'E-Mail',
    statement: 'Erklärung',
    received: 'Eingegangen',
    problem: 'Was geschehen ist',
    about: 'Betrifft',
  },
  links: {
    order: 'Ihre Bestellung mit Schlüsseln und der neuesten Datei zum Herunterladen',
    renew: 'Diese Lizenz verlängern',
    pay: 'Zur Zahlung',
    stop: 'Keine Erinnerungen mehr',
    page: 'Seite des Produkts',
  },
  soldBy: (vendor) => `Verkauft von ${vendor}.`,
  help: (address) => `Fragen? ${address}`,
  test: 'Dies gehört zu einer Testbestellung: Es wurde nichts bezahlt.',
  testMark: '[Test]',
};
