<?php
// What the command line, the pages and the seed of the made-up shop have in
// common.
namespace Magento\Framework\App {
    // An Anything answers every call, so that a script of a real shop runs here.
    class Anything
    {
        public function __call(string $name, array $arguments): self
        {
            return $this;
        }

        public function __toString(): string
        {
            return '1';
        }
    }

    class Bootstrap
    {
        public static function create(): self
        {
            return new self();
        }

        public function getObjectManager(): Anything
        {
            return new Anything();
        }
    }
}

namespace {
    define('ROOT', dirname(__DIR__));
    define('BP', ROOT);
    define('ENV', ROOT . '/app/etc/env.json');
    @mkdir(ROOT . '/app/etc', 0777, true);
    require ROOT . '/vendor/autoload.php';
    mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

    // The modules that registered themselves: their folders by name.
    function modules(): array
    {
        return $GLOBALS['modules'] ?? [];
    }

    function env(): array
    {
        return json_decode(file_get_contents(ENV), true);
    }

    function enabled(): array
    {
        return array_values(array_diff(array_keys(modules()), env()['disabled']));
    }

    function tables(string $module): array
    {
        $tables = [];
        $file = modules()[$module] . '/etc/db_schema.xml';
        if (is_file($file)) {
            foreach (simplexml_load_file($file)->table as $table) {
                $columns = [];
                foreach ($table->column as $column) {
                    $columns[] = "`{$column['name']}` {$column['type']}";
                }
                $tables[(string) $table['name']] = implode(', ', $columns);
            }
        }
        return $tables;
    }

    function database(): mysqli
    {
        [$host, $name, $user, $password] = env()['db'];
        return $host[0] === '/' ? new mysqli('localhost', $user, $password, $name, 0, $host)
            : new mysqli(strtok($host, ':'), $user, $password, $name, (int) strtok(':'));
    }

    function search(string $path, string $body): string
    {
        $request = ['method' => 'POST', 'header' => 'Content-Type: application/json', 'content' => $body];
        return file_get_contents('http://' . env()['search'] . '/' . $path, false, stream_context_create(['http' => $request]));
    }
}
