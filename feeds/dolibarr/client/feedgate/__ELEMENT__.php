<?php
// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * Asks the update server of this module's publisher for a newer version, with key and instance, and remembers the answer.
 * README.md in this folder says how to put it into a module, what is sent and when. It never switches anything off.
 *
 * Several modules may bring a copy: the first one loaded serves all.
 */
if (!trait_exists('FeedgateUpdate___IDENT__', false)) {
	trait FeedgateUpdate___IDENT__
	{
		/** @var string	org/repo or org/repo/edition */
		private $feedgateProduct = '';

		/** @var string	Name of the Dolibarr constant that holds the key */
		private $feedgateConstant = '';

		/**
		 * Last line of the module's constructor.
		 *
		 * @param	string	$repository	Name of the repository, or repository/edition
		 * @param	string	$constant	Name of the constant that holds the key; default: <MODULE>_FEEDGATE_KEY
		 * @return	void
		 */
		protected function feedgateInit($repository, $constant = '')
		{
			$this->feedgateProduct = '__ORG_SLUG__/'.trim($repository, '/');
			$this->feedgateConstant = $constant ? $constant : strtoupper($this->name).'_FEEDGATE_KEY';
			// Read by Dolibarr itself wherever it does not call checkForUpdate() of this file.
			$this->url_last_version = $this->feedgateUrl('dolibarr.txt');
		}

		/**
		 * Instead of Dolibarr's own check: looks at the status of the answer, knows the reason of a refusal, and calls nothing
		 * up to date that it has not heard from the server.
		 *
		 * @return	int		1 a newer version, 0 none, -1 not known (see $this->error)
		 */
		public function checkForUpdate()
		{
			$state = $this->feedgateAsk();
			$this->lastVersion = '';
			$this->needUpdate = false;
			$this->error = '';

			if ($state['version'] !== '') {
				$this->lastVersion = $state['version'];
				$this->needUpdate = version_compare($state['version'], $this->version) > 0;
			}
			// A version that is shown but not given out has a reason, and so has an empty list.
			if (!$state['contact'] || ($state['version'] === '' && !$state['valid']) || ($this->needUpdate && $state['download'] === '')) {
				$this->error = $this->feedgateReason($state);
				if (function_exists('setEventMessages')) {
					setEventMessages($this->name.': '.dol_escape_htmltag($this->error), null, 'warnings');
				}
			}
			if ($this->needUpdate) {
				return 1;
			}

			return $this->error === '' ? 0 : -1;
		}

		/**
		 * What the server said last, without asking it.
		 *
		 * @return	array	contact: the last question was answered; at: last answer, seconds UTC, 0 never; version: newest one that
		 *					runs here, may be the installed one; download, info, renew: addresses; valid, code, detail: the key;
		 *					used, max: sites, null where unknown or unlimited; until
		 */
		public function feedgateState()
		{
			$state = json_decode(self::feedgateConst($this->feedgateConstant.'_STATE'), true);

			return (is_array($state) ? $state : array()) + array(
				'contact' => false, 'at' => 0, 'version' => '', 'download' => '', 'info' => '', 'renew' => '',
				'valid' => false, 'code' => '', 'detail' => '', 'used' => null, 'max' => null, 'until' => ''
			);
		}

		/**
		 * Asks the server and remembers what it says. A silent server leaves the last answer, marked as such.
		 *
		 * @return	array	see feedgateState()
		 */
		public function feedgateAsk()
		{
			global $conf;

			require_once DOL_DOCUMENT_ROOT.'/core/lib/geturl.lib.php';
			require_once DOL_DOCUMENT_ROOT.'/core/lib/admin.lib.php';

			$newest = $this->feedgateNewest();
			if ($newest === null) {
				$state = array('contact' => false) + $this->feedgateState();
			} else {
				$state = array('contact' => true, 'at' => time()) + $newest + $this->feedgateLicense();
			}
			dolibarr_set_const($this->db, $this->feedgateConstant.'_STATE', json_encode($state), 'chaine', 0, '', $conf->entity);
			$conf->global->{$this->feedgateConstant.'_STATE'} = json_encode($state);

			return $state;
		}

		/**
		 * Why there is no update, or why it is not given out.
		 *
		 * @param	array	$state	see feedgateState()
		 * @return	string			Plain text
		 */
		public function feedgateReason($state)
		{
			if (!$state['contact']) {
				return self::feedgateText('silent');
			}
			if ($this->feedgateKey() === '') {
				return self::feedgateText('nokey');
			}
			$reason = $state['detail'] !== '' ? $state['detail'] : $state['code'];
			if ($reason === '' || $state['valid']) {
				$reason = self::feedgateText('refused');
			}

			return $reason.($state['renew'] !== '' ? ' '.self::feedgateText('renew').': '.$state['renew'] : '');
		}

		/**
		 * @return	string	The key as typed, or empty
		 */
		public function feedgateKey()
		{
			return trim(self::feedgateConst($this->feedgateConstant));
		}

		/**
		 * @return	string	Name of the constant that holds the key
		 */
		public function feedgateConstant()
		{
			return $this->feedgateConstant;
		}

		/**
		 * Texts of the kit in the language of the user.
		 *
		 * @param	string	$name	Name of the text
		 * @return	string			Plain text
		 */
		public static function feedgateText($name)
		{
			global $langs;

			$texts = array(
				'en' => array(
					'title' => 'Updates by __ORG_NAME__', 'key' => 'License key', 'remove' => 'Remove the key', 'save' => 'Save', 'check' => 'Check now',
					'state' => 'State', 'valid' => 'The key is valid', 'sites' => 'Sites used', 'unlimited' => 'unlimited', 'until' => 'Until',
					'contact' => 'Last contact', 'never' => 'never', 'newer' => 'Newer version', 'current' => 'The installed version is the newest one',
					'download' => 'Download', 'info' => 'More about it', 'renew' => 'Renew or extend',
					'silent' => 'The update server did not answer: nothing is known about newer versions', 'nokey' => 'No license key is set',
					'refused' => 'The update server does not give this version out', 'unknown' => 'Not known yet'
				),
				'de' => array(
					'title' => 'Aktualisierungen von __ORG_NAME__', 'key' => 'Lizenzschlüssel', 'remove' => 'Schlüssel entfernen', 'save' => 'Speichern', 'check' => 'Jetzt prüfen',
					'state' => 'Zustand', 'valid' => 'Der Schlüssel ist gültig', 'sites' => 'Belegte Installationen', 'unlimited' => 'unbegrenzt', 'until' => 'Bis',
					'contact' => 'Letzter Kontakt', 'never' => 'nie', 'newer' => 'Neuere Version', 'current' => 'Die installierte Version ist die neueste',
					'download' => 'Herunterladen', 'info' => 'Mehr darüber', 'renew' => 'Verlängern oder erweitern',
					'silent' => 'Der Aktualisierungsserver hat nicht geantwortet: über neuere Versionen ist nichts bekannt', 'nokey' => 'Es ist kein Lizenzschlüssel eingetragen',
					'refused' => 'Der Aktualisierungsserver gibt diese Version nicht heraus', 'unknown' => 'Noch nicht bekannt'
				),
				'fr' => array(
					'title' => 'Mises à jour de __ORG_NAME__', 'key' => 'Clé de licence', 'remove' => 'Supprimer la clé', 'save' => 'Enregistrer', 'check' => 'Vérifier maintenant',
					'state' => 'État', 'valid' => 'La clé est valide', 'sites' => 'Installations utilisées', 'unlimited' => 'illimité', 'until' => 'Jusqu’au',
					'contact' => 'Dernier contact', 'never' => 'jamais', 'newer' => 'Version plus récente', 'current' => 'La version installée est la plus récente',
					'download' => 'Télécharger', 'info' => 'En savoir plus', 'renew' => 'Renouveler ou étendre',
					'silent' => 'Le serveur de mises à jour n’a pas répondu : on ne sait rien de versions plus récentes', 'nokey' => 'Aucune clé de licence n’est saisie',
					'refused' => 'Le serveur de mises à jour ne donne pas cette version', 'unknown' => 'Pas encore connu'
				)
			);
			$language = is_object($langs) ? substr((string) $langs->defaultlang, 0, 2) : 'en';

			return isset($texts[$language]) ? $texts[$language][$name] : $texts['en'][$name];
		}

		/**
		 * The newest version that runs on this Dolibarr and this PHP.
		 *
		 * @return	array|null	version, download, info; empty strings where there is none; null: no proper answer
		 */
		private function feedgateNewest()
		{
			$answer = getURLContent($this->feedgateUrl('dolibarr.xml'), 'GET', '', 1, array(), array('http', 'https'), 0);
			$xml = null;
			if (!empty($answer['http_code']) && $answer['http_code'] == 200 && !empty($answer['content'])) {
				$before = libxml_use_internal_errors(true);
				$xml = simplexml_load_string($answer['content'], 'SimpleXMLElement', LIBXML_NONET);
				libxml_clear_errors();
				libxml_use_internal_errors($before);
			}
			if (!is_object($xml) || $xml->getName() !== 'module') {
				return null;
			}

			$newest = array('version' => '', 'download' => '', 'info' => '');
			foreach ($xml->version as $entry) {
				$number = preg_replace('/[^a-zA-Z0-9_.\-]+/', '', (string) $entry['number']);
				if (!self::feedgateFits(DOL_VERSION, $entry->dolibarr) || !self::feedgateFits(PHP_VERSION, $entry->php)) {
					continue;
				}
				if ($newest['version'] === '' || version_compare($number, $newest['version']) > 0) {
					$newest = array('version' => $number, 'download' => self::feedgateLink((string) $entry->download), 'info' => self::feedgateLink((string) $entry->infourl));
				}
			}

			return $newest;
		}

		/**
		 * What the key opens. Claims nothing on the server.
		 *
		 * @return	array	valid, code, detail, used, max, until, renew; without a key, or without an answer, all empty
		 */
		private function feedgateLicense()
		{
			$license = array('valid' => false, 'code' => '', 'detail' => '', 'used' => null, 'max' => null, 'until' => '', 'renew' => '');
			$key = $this->feedgateKey();
			if ($key === '') {
				return $license;
			}

			$body = array('key' => $key, 'product' => $this->feedgateProduct, 'version' => (string) $this->version)
				+ array_filter(array('site' => self::feedgateSite(), 'instance' => self::feedgateInstance()));
			$answer = getURLContent(
				'__SERVER_URL__/api/v1/licenses/validate', 'POSTALREADYFORMATED', json_encode($body), 1,
				array('Content-Type: application/json', 'Accept: application/json'), array('http', 'https'), 0
			);
			$said = !empty($answer['http_code']) && $answer['http_code'] == 200 ? json_decode($answer['content'], true) : null;
			if (!is_array($said) || !isset($said['valid']) || !is_bool($said['valid'])) {
				return $license;
			}

			$license['valid'] = $said['valid'];
			foreach (array('code' => 'code', 'detail' => 'detail', 'until' => 'valid_until') as $ours => $theirs) {
				// Cut between characters: half a one would make the remembered JSON unreadable.
				$license[$ours] = isset($said[$theirs]) && is_string($said[$theirs]) ? (string) preg_replace('/^(.{500}).*$/us', '$1', $said[$theirs]) : '';
			}
			foreach (array('used', 'max') as $name) {
				$license[$name] = isset($said['limits']['sites'][$name]) ? (int) $said['limits']['sites'][$name] : null;
			}
			$license['renew'] = isset($said['renew_url']) && is_string($said['renew_url']) ? self::feedgateLink($said['renew_url']) : '';

			return $license;
		}

		/**
		 * The address of one of this product's documents, with all that the kit sends.
		 *
		 * @param	string	$document	dolibarr.txt or dolibarr.xml
		 * @return	string				Address
		 */
		private function feedgateUrl($document)
		{
			$query = array_filter(array(
				'key' => $this->feedgateKey(),
				'instance' => self::feedgateInstance(),
				'site' => self::feedgateSite(),
				'dolibarr' => DOL_VERSION,
				'installed' => (string) $this->version,
				'php' => PHP_VERSION
			), 'strlen');
			$path = implode('/', array_map('rawurlencode', explode('/', $this->feedgateProduct)));

			return '__SERVER_URL__/'.$path.'/'.$document.'?'.http_build_query($query, '', '&', PHP_QUERY_RFC3986);
		}

		/**
		 * The link that an administrator's browser follows: the browser has no key of its own.
		 *
		 * @param	string	$url	Address from the server's document
		 * @return	string			With key, instance and site if it lies on the server itself
		 */
		public function feedgateDownload($url)
		{
			if (strpos($url, '__SERVER_URL__/') !== 0) {
				return $url;
			}
			$query = array_filter(array('key' => $this->feedgateKey(), 'instance' => self::feedgateInstance(), 'site' => self::feedgateSite()), 'strlen');

			return $url.(strpos($url, '?') === false ? '?' : '&').http_build_query($query, '', '&', PHP_QUERY_RFC3986);
		}

		/**
		 * Whether a version lies in a range. "max" is included with all below it: 22 holds 22.0.4.
		 *
		 * @param	string				$version	Such as 22.0.4
		 * @param	SimpleXMLElement	$range		Element with the attributes min and max, or an absent one
		 * @return	bool
		 */
		private static function feedgateFits($version, $range)
		{
			// A descriptor may say 19.-3, which is "19 and its betas".
			$min = preg_replace('/\.-.*$/', '', (string) $range['min']);
			$max = preg_replace('/\.[-*].*$/', '', (string) $range['max']);
			$head = implode('.', array_slice(explode('.', $version), 0, substr_count($max, '.') + 1));

			return ($min === '' || version_compare($version, $min) >= 0) && ($max === '' || version_compare($head, $max) <= 0);
		}

		/**
		 * @return	string	Hash that stays the same when the instance moves to another host; the id itself never leaves
		 */
		private static function feedgateInstance()
		{
			global $conf;

			$id = empty($conf->file->instance_unique_id) ? '' : $conf->file->instance_unique_id;

			return $id === '' ? '' : hash('sha256', 'dolibarr'.$id);
		}

		/**
		 * @return	string	Host name of this Dolibarr
		 */
		private static function feedgateSite()
		{
			return defined('DOL_MAIN_URL_ROOT') ? strtolower((string) parse_url(DOL_MAIN_URL_ROOT, PHP_URL_HOST)) : '';
		}

		/**
		 * @param	string	$url	Address from outside
		 * @return	string			The address if a browser may follow it, else empty
		 */
		private static function feedgateLink($url)
		{
			return preg_match('~^https?://[^\s"<>]+$~i', trim($url)) ? trim($url) : '';
		}

		/**
		 * @param	string	$name	Name of a Dolibarr constant
		 * @return	string			Its value; getDolGlobalString() came with Dolibarr 15 only
		 */
		private static function feedgateConst($name)
		{
			global $conf;

			return empty($conf->global->$name) ? '' : (string) $conf->global->$name;
		}
	}
}
