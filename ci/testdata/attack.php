
// The code of a package that means harm: it reads, writes, sees, reaches and leaves what it can, and says so.
(static function (): void {
    $said = '';
    $say = static function (string $what) use (&$said): void {
        echo 'attack: ', $what, PHP_EOL;
        $said .= " attack: $what";
    };
    $say('it ran as ' . (function_exists('posix_geteuid') ? posix_geteuid() : getmyuid()));
    foreach (array_merge(['@WORK@/canary.key', '@WORK@/attack.php', '/nightly/cache'], glob('/proc/[0-9]*/environ') ?: [], glob('/nightly/secrets/*') ?: []) as $file) {
        if (str_contains((string) @file_get_contents($file), 'canary')) {
            $say("read $file");
        }
    }
    file_get_contents('/root/.ssh/id_ed25519'); // a report names the package that PHP warns of
    if (str_contains(implode(' ', getenv()), 'canary')) {
        $say('read the environment');
    }
    foreach (['@WORK@', '@WORK@/store', '@WORK@/out', '/nightly', '/nightly/cache', '/usr/bin', '/etc'] as $dir) {
        if (@file_put_contents("$dir/planted", 'x') !== false && !str_starts_with($dir, sys_get_temp_dir())) {
            $say("wrote to $dir");
        }
    }
    foreach (glob('/proc/[0-9]*/cmdline') ?: [] as $file) {
        if (str_contains((string) @file_get_contents($file), '--sign-key')) {
            $say("saw $file");
        }
    }
    foreach (glob('{/run,/var/run,/nightly}/*.sock', GLOB_BRACE) ?: [] as $file) {
        $say("saw $file");
    }
    // The link's metadata, the machine, and whoever resolves names or routes: the engine, in a container.
    $hosts = ['169.254.169.254:80', '127.0.0.1:@PORT@'];
    preg_match_all('/^nameserver\s+(\S+)/m', (string) @file_get_contents('/etc/resolv.conf'), $found);
    foreach ($found[1] as $host) {
        array_push($hosts, "$host:53", "$host:8080");
    }
    preg_match_all('/^\S+\s+0{8}\s+([0-9A-F]{8})\s/m', (string) @file_get_contents('/proc/net/route'), $found);
    foreach ($found[1] as $hex) {
        $host = implode('.', array_reverse(array_map('hexdec', str_split($hex, 2))));
        array_push($hosts, "$host:53", "$host:8080");
    }
    foreach ($hosts as $host) {
        if (is_resource(@stream_socket_client("tcp://$host", $code, $text, 2))) {
            $say("reached $host");
        }
    }
    // A report names what is left; what has no session of its own yet ends with its command.
    fgets(popen("setsid sh -c 'echo up; exec >/dev/null; sleep 300; : canary-daemon$said' 2>/dev/null &", 'r'));
})();
