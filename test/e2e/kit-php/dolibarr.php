<?php
// A stand-in for the parts of Dolibarr that the client kit touches. argv[1] is the folder of the unpacked kit; a module with
// the trait lies in it as a vendor would write it.

error_reporting(E_ALL);
set_error_handler(function ($level, $message, $file, $line) {
	if (error_reporting() & $level) {
		throw new ErrorException($message, 0, $level, $file, $line);
	}
});

$core = dirname($argv[0]);
mkdir($core.'/core/lib', 0777, true);
touch($core.'/core/lib/geturl.lib.php');
touch($core.'/core/lib/admin.lib.php');
define('DOL_DOCUMENT_ROOT', $core);
define('DOL_VERSION', getenv('DOLIBARR') ?: '22.0.4');
define('DOL_MAIN_URL_ROOT', 'https://ERP.example.org:8443/dolibarr');

$conf = new stdClass();
$conf->entity = 1;
$conf->global = new stdClass();
$conf->file = new stdClass();
$conf->file->instance_unique_id = '84b5bc91f83b56e458db71e0adac2b62';
$langs = new stdClass();
$langs->defaultlang = 'en_US';
$user = new stdClass();
$user->admin = 1;
$db = new stdClass();
$events = array();

abstract class DolibarrModules
{
	public $db;
	public $name;
	public $version;
	public $error;
	public $lastVersion = '';
	public $needUpdate = false;
	public $url_last_version;

	public function __construct($db)
	{
		$this->db = $db;
	}

	public function checkForUpdate()
	{
		throw new LogicException('the trait did not take over');
	}
}

function getURLContent($url, $method = 'GET', $param = '', $follow = 1, $headers = array(), $schemes = array('http', 'https'), $local = 0)
{
	$options = array('method' => $method === 'GET' ? 'GET' : 'POST', 'header' => $headers, 'content' => $param, 'ignore_errors' => true);
	$content = @file_get_contents($url, false, stream_context_create(array('http' => $options)));
	if ($content === false) {
		return array('http_code' => 0, 'content' => '', 'curl_error_no' => 7, 'curl_error_msg' => 'no answer');
	}

	return array('http_code' => (int) explode(' ', $http_response_header[0])[1], 'content' => $content);
}

function dolibarr_set_const($db, $name, $value, $type = 'chaine', $visible = 0, $note = '', $entity = 1)
{
	global $conf;
	$conf->global->$name = $value;

	return 1;
}

function dolibarr_del_const($db, $name, $entity = 1)
{
	global $conf;
	unset($conf->global->$name);

	return 1;
}

function dol_escape_htmltag($text)
{
	return htmlspecialchars((string) $text, ENT_QUOTES);
}

function setEventMessages($message, $messages, $style = 'mesgs')
{
	global $events;
	$events[] = array($style, $message);
}

function GETPOST($name, $check = '')
{
	return isset($_POST[$name]) ? $_POST[$name] : '';
}

function newToken()
{
	return 'TOKEN';
}

function load_fiche_titre($title)
{
	return "<h1>$title</h1>";
}

function dol_print_date($time, $format)
{
	return gmdate('Y-m-d', $time);
}

$setup = glob($argv[1].'/feedgate/*_setup.php')[0];
$file = str_replace('_setup.php', '.php', $setup);
require_once $file;
preg_match('/trait (\w+)/', file_get_contents($file), $match);
eval('class modShop extends DolibarrModules {
	use '.$match[1].';
	public function __construct($db, $product = "shop") {
		$this->db = $db; $this->name = "Shop"; $this->version = getenv("INSTALLED") ?: "1.0.0"; $this->feedgateInit($product);
	}
}');

function say(array $values)
{
	echo json_encode($values, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
}

/** One check as the page of modules makes it, with a fresh module. */
function check($key = '')
{
	global $conf, $db, $events;
	if ($key !== '') {
		$conf->global->SHOP_FEEDGATE_KEY = $key;
	}
	$module = new modShop($db);
	$result = $module->checkForUpdate();

	return array($result, $module->lastVersion, $module->needUpdate, $module->error, count($events));
}

/** What the setup page shows. */
function page(array $post = array())
{
	global $conf, $db, $user, $langs, $setup;
	$_POST = $post;
	$_SERVER['REQUEST_METHOD'] = $post ? 'POST' : 'GET';
	$_SERVER['PHP_SELF'] = '/custom/shop/admin/setup.php';
	$feedgateModule = new modShop($db);
	ob_start();
	require $setup;

	return ob_get_clean();
}
