import type { Words } from './mail-words.ts';

export const FR: Words = {
  locale: 'fr-FR',
  greeting: (name) => (name === '' ? 'Bonjour,' : `Bonjour ${name},`),
  subject: {
    key: ({ product, keys }) =>
      keys > 1 ? `Vos clés de licence pour ${product}` : `Votre clé de licence pour ${product}`,
    renewed: ({ product }) => `Renouvelé : ${product}`,
    expiring: ({ product, end }) => `${product} : votre licence se termine le ${end}`,
    ended: ({ product }) => `${product} : votre licence est terminée`,
    payment_failed: ({ product }) => `${product} : le paiement a échoué`,
    recovered: ({ product }) => `${product} : votre paiement est arrivé`,
    canceled: ({ product }) => `${product} : votre abonnement est résilié`,
    refunded: ({ product, amount }) => `${product} : ${amount} remboursés`,
    key_replaced: ({ product }) => `${product} : vous avez une nouvelle clé de licence`,
    withdrawal: ({ vendor }) => `Nous avons reçu votre rétractation (${vendor})`,
    withdrawal_vendor: () => 'Un client s’est rétracté d’un contrat',
    vendor_alert: () => 'Quelque chose demande votre attention',
  },
  body: {
    key: ({ product, keys }) => [
      keys > 1
        ? `merci pour votre commande. Voici vos clés de licence pour ${product}.`
        : `merci pour votre commande. Voici votre clé de licence pour ${product}.`,
    ],
    renewed: ({ product, end }) => [
      end === ''
        ? `votre licence pour ${product} est renouvelée. Votre clé reste la même ; il n’y a rien à faire sur vos sites.`
        : `votre licence pour ${product} est renouvelée jusqu’au ${end}. Votre clé reste la même ; il n’y a rien à faire sur vos sites.`,
    ],
    expiring: ({ product, end }) => [
      `votre licence pour ${product} se termine le ${end}. Elle ne se renouvelle pas d’elle-même.`,
      'Ensuite, le produit continue de fonctionner, mais sans mises à jour. Si vous renouvelez, votre clé et vos sites restent tels quels.',
    ],
    ended: ({ product, end }) => [
      `votre licence pour ${product} s’est terminée le ${end}.`,
      'Le produit continue de fonctionner, mais sans mises à jour. Si vous renouvelez, votre clé et vos sites restent tels quels.',
    ],
    payment_failed: ({ product, day }) => [
      `le paiement de votre abonnement à ${product} a échoué. Souvent, une carte a expiré ou atteint son plafond, ou la banque veut que vous confirmiez le paiement.`,
      ...(day === ''
        ? []
        : [`Vous recevez les mises à jour jusqu’au ${day}. Veuillez payer ou changer de moyen de paiement d’ici là.`]),
    ],
    recovered: ({ product, end }) => [
      end === ''
        ? `votre paiement de ${product} est arrivé. Tout continue comme avant.`
        : `votre paiement de ${product} est arrivé. Tout continue comme avant ; c’est payé jusqu’au ${end}.`,
    ],
    canceled: ({ product, end, over }) => [
      `votre abonnement à ${product} est résilié. Plus rien ne sera débité.`,
      ...(end === ''
        ? []
        : [over ? `Vos mises à jour ont pris fin le ${end}.` : `Vous recevez les mises à jour jusqu’au ${end}.`]),
    ],
    refunded: ({ product, amount }) => [
      `${amount} vous ont été remboursés pour ${product}. Le délai dépend de votre banque ou de votre service de paiement.`,
    ],
    key_replaced: ({ product, day }) => [
      `il y a une nouvelle clé de licence pour ${product}. Elle remplace celle que vous avez.`,
      day === ''
        ? 'L’ancienne clé ne fonctionne plus.'
        : `L’ancienne clé reste valable jusqu’au ${day}. Veuillez saisir la nouvelle sur tous vos sites d’ici là.`,
    ],
    withdrawal: ({ vendor, day }) => [
      `${vendor} a reçu votre déclaration de rétractation le ${day}. Conservez ce message : il prouve ce que vous avez déclaré et quand.`,
      'Vous serez informé de la suite. Rien n’a encore été changé à votre licence.',
    ],
    withdrawal_vendor: ({ day }) => [
      `le ${day}, un client a déclaré une rétractation sur votre page. La réception lui a été confirmée ; les licences et les paiements n’ont pas changé.`,
      'Vérifiez si elle est fondée, remboursez alors le paiement et répondez au client.',
    ],
    vendor_alert: () => ['il s’est passé quelque chose que Feedgate ne règle pas de lui-même :'],
  },
  keyHeading: (keys) => (keys > 1 ? 'Vos clés de licence :' : 'Votre clé de licence :'),
  stepsHeading: 'Premiers pas',
  steps: {
    joomla:
      'Joomla : ouvrez Système → Sites de mise à jour, choisissez le site de mise à jour de l’extension, saisissez la clé dans « Clé de téléchargement » et enregistrez. Cherchez ensuite les mises à jour.',
    dolibarr:
      'Dolibarr : ouvrez Accueil → Configuration → Modules/Applications, ouvrez la configuration du module, saisissez la clé dans le champ de la clé de licence et enregistrez. Cherchez ensuite les mises à jour sur la page des modules.',
  },
  otherSteps: 'Saisissez la clé dans les réglages du produit, là où il demande la clé de licence.',
  keyIsFor:
    'La clé ouvre les mises à jour et les téléchargements. Sans elle, le produit continue de fonctionner, mais sans mises à jour.',
  labels: {
    product: 'Produit',
    until: 'Mises à jour jusqu’au',
    sites: 'Sites',
    reference: 'Commande',
    amount: 'Montant',
    noEnd: 'sans fin',
    renewsItself: (end) => `${end}, puis elle se renouvelle d’elle-même`,
    unlimited: 'autant que vous voulez',
    sitesOf: (sites) => (sites === 1 ? '1 site' : `${sites} sites`),
    order: 'Commande',
    name: 'Nom',
    email: 'E-mail',
    statement: 'Déclaration',
    received: 'Reçu',
    problem: 'Ce qui s’est passé',
    about: 'Concerne',
  },
  links: {
    order: 'Votre commande, avec vos clés et le fichier le plus récent à télécharger',
    renew: 'Renouveler cette licence',
    pay: 'Vers le paiement',
    stop: 'Plus de rappels',
    page: 'Page du produit',
  },
  soldBy: (vendor) => `Vendu par ${vendor}.`,
  help: (address) => `Des questions ? ${address}`,
  test: 'Ceci appartient à une commande de test : rien n’a été payé.',
  testMark: '[Test]',
};
