<?php
// A stand-in for the parts of Joomla that the client kit touches, just big enough to run it: SQLite, an event dispatcher,
// a stream transport. argv[1] is the folder of the unpacked kit, JOOMLA_LEVEL chooses how events carry their arguments.

namespace Joomla\Database {
    interface DatabaseInterface
    {
    }

    class Query
    {
        private $parts = [];
        private $values = [];

        public function __call($name, $arguments)
        {
            if ($name === 'where' || $name === 'join') {
                $this->parts[$name][] = implode(' JOIN ', $arguments);
            } elseif ($name === 'values') {
                $this->values[] = '(' . $arguments[0] . ')';
            } else {
                $this->parts[$name] = implode(', ', (array) ($arguments[0] ?? []));
            }

            return $this;
        }

        public function __toString()
        {
            $p     = $this->parts;
            $where = isset($p['where']) ? ' WHERE ' . implode(' AND ', $p['where']) : '';

            if (isset($p['select'])) {
                return "SELECT {$p['select']} FROM {$p['from']}" . (isset($p['join']) ? ' ' . implode(' ', $p['join']) : '') . $where
                    . (isset($p['order']) ? " ORDER BY {$p['order']}" : '');
            }

            if (isset($p['update'])) {
                return "UPDATE {$p['update']} SET {$p['set']}$where";
            }

            return isset($p['insert'])
                ? "INSERT INTO {$p['insert']} ({$p['columns']}) VALUES " . implode(', ', $this->values)
                : 'DELETE FROM ' . $p['delete'] . $where;
        }
    }

    class SqliteDatabase implements DatabaseInterface
    {
        public $pdo;
        public $writes = 0;
        private $sql;

        public function __construct()
        {
            $this->pdo = new \PDO('sqlite::memory:', null, null, [\PDO::ATTR_ERRMODE => \PDO::ERRMODE_EXCEPTION]);
            $this->pdo->exec("CREATE TABLE x_update_sites (update_site_id INTEGER PRIMARY KEY, name TEXT DEFAULT '', type TEXT DEFAULT 'extension',
                location TEXT, enabled INTEGER DEFAULT 1, last_check_timestamp INTEGER DEFAULT 7, extra_query TEXT DEFAULT '')");
            $this->pdo->exec('CREATE TABLE x_update_sites_extensions (update_site_id INTEGER, extension_id INTEGER)');
            $this->pdo->exec('CREATE TABLE x_updates (update_id INTEGER PRIMARY KEY, update_site_id INTEGER, detailsurl TEXT)');
            $this->pdo->exec("CREATE TABLE x_extensions (extension_id INTEGER PRIMARY KEY, name TEXT, type TEXT, element TEXT, folder TEXT DEFAULT '',
                client_id INTEGER DEFAULT 1, enabled INTEGER DEFAULT 0, custom_data TEXT DEFAULT '', manifest_cache TEXT DEFAULT '')");
        }

        public function getQuery($new)
        {
            return new Query();
        }

        public function quote($text)
        {
            return $this->pdo->quote($text);
        }

        public function quoteName($name, $as = null)
        {
            if (is_array($name)) {
                return array_map([$this, 'quoteName'], $name);
            }

            $quoted = '"' . implode('"."', explode('.', str_replace('#__', 'x_', $name))) . '"';

            return $as === null || is_int($as) ? $quoted : $quoted . ' AS "' . $as . '"';
        }

        public function setQuery($query)
        {
            $this->sql = (string) $query;

            return $this;
        }

        public function execute()
        {
            $this->writes++;
            $this->pdo->exec($this->sql);
        }

        public function loadAssocList($key = null, $column = null)
        {
            $rows = $this->pdo->query($this->sql)->fetchAll(\PDO::FETCH_ASSOC);

            return $key === null ? $rows : array_column($rows, $column, $key);
        }

        public function loadColumn()
        {
            return $this->pdo->query($this->sql)->fetchAll(\PDO::FETCH_COLUMN);
        }

        public function loadResult()
        {
            $value = $this->pdo->query($this->sql)->fetchColumn();

            return $value === false ? null : $value;
        }
    }
}

namespace Joomla\Event {
    interface EventInterface
    {
        public function getArgument($name, $default = null);
    }

    interface SubscriberInterface
    {
        public static function getSubscribedEvents(): array;
    }

    final class Priority
    {
        const MIN = -3;
    }

    interface DispatcherInterface
    {
    }

    class Event implements EventInterface, \ArrayAccess
    {
        protected $arguments;

        public function __construct($name, array $arguments = [])
        {
            $this->arguments = $arguments;
        }

        public function getArgument($name, $default = null)
        {
            return $this->arguments[$name] ?? $default;
        }

        public function setArgument($name, $value)
        {
            $this->arguments[$name] = $value;
        }

        #[\ReturnTypeWillChange]
        public function offsetExists($name)
        {
            return isset($this->arguments[$name]);
        }

        #[\ReturnTypeWillChange]
        public function offsetGet($name)
        {
            return $this->arguments[$name] ?? null;
        }

        #[\ReturnTypeWillChange]
        public function offsetSet($name, $value)
        {
            $this->arguments[$name] = $value;
        }

        #[\ReturnTypeWillChange]
        public function offsetUnset($name)
        {
            unset($this->arguments[$name]);
        }
    }
}

namespace Joomla\CMS\Event\Installer {
    /** As in Joomla 5 and 6: arguments can't be set, only updated. */
    class BeforePackageDownloadEvent extends \Joomla\Event\Event
    {
        public function setArgument($name, $value)
        {
            throw new \BadMethodCallException('immutable');
        }

        public function updateUrl(string $value)
        {
            $this->arguments['url'] = $value;

            return $this;
        }
    }
}

namespace Joomla\DI {
    interface ServiceProviderInterface
    {
        public function register(Container $container);
    }

    class Container
    {
        private $made = [];

        public function set($name, $value)
        {
            $this->made[$name] = $value;
        }

        public function get($name)
        {
            return is_callable($this->made[$name]) ? $this->made[$name]($this) : $this->made[$name];
        }
    }
}

namespace Joomla\CMS\Extension {
    interface PluginInterface
    {
    }
}

namespace Joomla\CMS\Installer {
    class InstallerAdapter
    {
    }

    interface InstallerScriptInterface
    {
        public function install(InstallerAdapter $adapter): bool;

        public function update(InstallerAdapter $adapter): bool;

        public function uninstall(InstallerAdapter $adapter): bool;

        public function preflight(string $type, InstallerAdapter $adapter): bool;

        public function postflight(string $type, InstallerAdapter $adapter): bool;
    }
}

namespace Joomla\CMS\Plugin {
    class CMSPlugin implements \Joomla\CMS\Extension\PluginInterface
    {
        private $app;

        public function __construct($dispatcher, array $config = [])
        {
        }

        public function setApplication($app)
        {
            $this->app = $app;
        }

        public function loadLanguage()
        {
            \Joomla\CMS\Language\Text::load();
        }

        protected function getApplication()
        {
            return $this->app;
        }
    }

    class PluginHelper
    {
        public static function getPlugin($group, $element)
        {
            return ['type' => $group, 'name' => $element];
        }

        public static function isEnabled($group, $element)
        {
            return (bool) db()->pdo->query("SELECT enabled FROM x_extensions WHERE folder = '$group' AND element = '$element'")->fetchColumn();
        }
    }

    function db()
    {
        return \Joomla\CMS\Factory::getContainer()->get(\Joomla\Database\DatabaseInterface::class);
    }
}

namespace Joomla\CMS\Language {
    class Text
    {
        public static $strings = [];

        public static function load()
        {
            foreach (glob(JPATH_PLUGINS . '/installer/*/language/' . (getenv('JOOMLA_LANGUAGE') ?: 'en-GB') . '/*.ini') as $file) {
                self::$strings = parse_ini_file($file, false, INI_SCANNER_RAW) + self::$strings;
            }
        }

        public static function _($key)
        {
            return self::$strings[$key] ?? $key;
        }

        public static function sprintf($key, ...$arguments)
        {
            return sprintf(self::_($key), ...$arguments);
        }
    }
}

namespace Joomla\CMS\HTML {
    class HTMLHelper
    {
        public static function _($what, $value)
        {
            return gmdate('Y-m-d', (int) ltrim($value, '@'));
        }
    }
}

namespace Joomla\CMS\Form {
    class FormField
    {
        public function render()
        {
            return $this->getInput();
        }
    }
}

namespace Joomla\CMS\Log {
    class Log
    {
        const WARNING = 16;
        public static $lines = [];

        public static function add($line)
        {
            self::$lines[] = $line;
        }
    }
}

namespace Joomla\CMS\Uri {
    class Uri
    {
        public static $host = 'www.example.org';

        public static function getInstance()
        {
            return new self();
        }

        public function getHost()
        {
            return self::$host;
        }
    }
}

namespace Joomla\CMS\Http {
    class Response
    {
        private $code;
        private $body;

        public function __construct($code, $body)
        {
            $this->code = $code;
            $this->body = $body;
        }

        public function getStatusCode()
        {
            return $this->code;
        }

        public function getBody()
        {
            return $this->body;
        }
    }

    class HttpFactory
    {
        public static function getHttp()
        {
            return new self();
        }

        public function get($url)
        {
            return $this->send('GET', $url, '', []);
        }

        public function head($url, $headers)
        {
            return $this->send('HEAD', $url, '', $headers);
        }

        public function post($url, $body, $headers)
        {
            return $this->send('POST', $url, $body, $headers);
        }

        private function send($method, $url, $body, $headers)
        {
            $lines = [];

            foreach ($headers as $name => $value) {
                $lines[] = "$name: $value";
            }

            $context = stream_context_create(['http' => ['method' => $method, 'header' => $lines, 'content' => $body, 'ignore_errors' => true]]);
            $answer  = @file_get_contents($url, false, $context);

            if ($answer === false) {
                throw new \RuntimeException('no answer');
            }

            return new Response((int) explode(' ', $http_response_header[0])[1], $answer);
        }
    }
}

namespace Joomla\CMS {
    class Factory
    {
        public static $app;
        private static $container;

        public static function getContainer()
        {
            if (!self::$container) {
                self::$container = new \Joomla\DI\Container();
                self::$container->set(\Joomla\Database\DatabaseInterface::class, new \Joomla\Database\SqliteDatabase());
            }

            return self::$container;
        }

        public static function getApplication()
        {
            return self::$app;
        }
    }

    class App
    {
        public $messages = [];
        public $client = 'administrator';
        public $guest = false;
        public $option = 'com_installer';

        public function isClient($client)
        {
            return $this->client === $client;
        }

        public function get($name, $default = null)
        {
            return ['secret' => 'S3cr3tOfThisSite'][$name] ?? $default;
        }

        public function enqueueMessage($text, $type)
        {
            $this->messages[] = [$type, $text];
        }

        public function getIdentity()
        {
            return $this;
        }

        public function getInput()
        {
            return new class ($this->option) {
                private $option;

                public function __construct($option)
                {
                    $this->option = $option;
                }

                public function get($name)
                {
                    return $this->option;
                }
            };
        }

        public function getLanguage()
        {
            return new class () {
                public function hasKey($key)
                {
                    return isset(\Joomla\CMS\Language\Text::$strings[$key]);
                }
            };
        }
    }
}

namespace {
    use Joomla\CMS\Factory;
    use Joomla\CMS\Plugin\PluginHelper;

    error_reporting(E_ALL);
    set_error_handler(function ($level, $message, $file, $line) {
        if (error_reporting() & $level) {
            throw new ErrorException($message, 0, $level, $file, $line);
        }
    });

    define('_JEXEC', 1);
    define('JPATH_PLUGINS', $argv[1] . '/installed');

    Factory::$app = new Joomla\CMS\App();

    /** Lays the unpacked package out as Joomla would, and runs its script. */
    function installKit(): object
    {
        global $argv, $script;

        $pdo = db()->pdo;

        foreach (['installer', 'system'] as $group) {
            $manifest = simplexml_load_file(glob("{$argv[1]}/plg_$group/*.xml")[0]);
            $element  = (string) $manifest->files->folder[0]['plugin'];
            @mkdir(JPATH_PLUGINS . "/$group", 0777, true);
            @symlink("{$argv[1]}/plg_$group", JPATH_PLUGINS . "/$group/$element");
            $pdo->exec("INSERT INTO x_extensions (name, type, element, folder) VALUES ('x', 'plugin', '$element', '$group')");

            $prefix = (string) $manifest->namespace . '\\';
            spl_autoload_register(function ($class) use ($prefix, $group, $element) {
                if (strpos($class, $prefix) === 0) {
                    require_once JPATH_PLUGINS . "/$group/$element/src/" . str_replace('\\', '/', substr($class, strlen($prefix))) . '.php';
                }
            });
        }

        $script = require "{$argv[1]}/script.php";
        $script->postflight('install', new Joomla\CMS\Installer\InstallerAdapter());

        return $script;
    }

    function db(): object
    {
        return Factory::getContainer()->get(Joomla\Database\DatabaseInterface::class);
    }

    function plugin(string $group): object
    {
        $container = new Joomla\DI\Container();
        $container->set(Joomla\Event\DispatcherInterface::class, new class () implements Joomla\Event\DispatcherInterface {
        });
        (require glob(JPATH_PLUGINS . "/$group/*/services/provider.php")[0])->register($container);

        return $container->get(Joomla\CMS\Extension\PluginInterface::class);
    }

    /** Fires an installer event as Joomla 4.4 (numbered references) or Joomla 5 and later (a typed event) does. */
    function ask(string $eventName, string $url): string
    {
        $plugin  = plugin('installer');
        $handler = (array) $plugin::getSubscribedEvents()[$eventName];
        $headers = [];

        if (getenv('JOOMLA_LEVEL') === '4') {
            $plugin->{$handler[0]}(new Joomla\Event\Event($eventName, [&$url, &$headers]));

            return $url;
        }

        $event = new Joomla\CMS\Event\Installer\BeforePackageDownloadEvent($eventName, ['url' => $url, 'headers' => $headers]);
        $plugin->{$handler[0]}($event);

        return $event->getArgument('url');
    }

    function extension(int $id, string $name = 'Example'): void
    {
        db()->pdo->exec("INSERT INTO x_extensions (extension_id, name, type, element) VALUES ($id, '$name', 'component', 'com_$id')");
    }

    function site(int $id, string $location, string $extraQuery, int ...$extensions): void
    {
        $pdo = db()->pdo;
        $pdo->prepare('INSERT INTO x_update_sites (update_site_id, location, extra_query) VALUES (?, ?, ?)')->execute([$id, $location, $extraQuery]);

        foreach ($extensions as $extension) {
            $pdo->exec("INSERT INTO x_update_sites_extensions VALUES ($id, $extension)");
        }
    }

    function sites(): array
    {
        return db()->pdo->query('SELECT update_site_id, location, extra_query FROM x_update_sites ORDER BY 1')->fetchAll(PDO::FETCH_UNIQUE | PDO::FETCH_ASSOC);
    }

    function keep(): void
    {
        plugin('system')->look();
    }

    function say(array $values): void
    {
        echo json_encode($values, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
    }
}
