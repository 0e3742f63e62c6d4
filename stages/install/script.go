package install

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// writeBackground starts a command in the script, in the background, and waits until it
// listens at an address as PHP writes it. Its process id is in a variable, server or
// database; both end with the script.
func (s *shop) writeBackground(script io.Writer, variable, command, log, address string) {
	fmt.Fprintf(script, `%[2]s >%[3]s 2>&1 &
%[1]s=$!
trap 'kill $server $database 2>/dev/null' EXIT
%[4]s -r 'for ($i = 0; !@stream_socket_client("%[5]s"); usleep(100000)) { if ($i++ == 300) exit(1); }' || exit
kill -0 $%[1]s || exit
`, variable, command, quote(s.dir.path(log)), quote(s.programs.php), address)
}

// writeServer starts PHP's own server in the script, for the snapshot.
func (s *shop) writeServer(script io.Writer) {
	address := strings.TrimSuffix(strings.TrimPrefix(s.base, "http://"), "/")
	command := quoteAll([]string{s.programs.php, "-S", address, "-t", s.dir.path("snapshot"), s.dir.path("router.php")})
	s.writeBackground(script, "server", command, "server.log", "tcp://"+address)
}

// writeDatabase starts our own database in the script, on the data that the
// installation left. The search stand-in is a part of this program; a script
// cannot start it.
func (s *shop) writeDatabase(script io.Writer) {
	if s.search != nil && s.search.standIn != nil {
		fmt.Fprintf(script, "# The shop's search was the search stand-in at %[1]s. It forgets when it ends; start it again with:\n#   mageos-nightly search-stand-in --address %[1]s\n", s.search.address)
	}
	if s.mariadb != nil {
		fmt.Fprintf(script, "exec 9>>%s\n", quote(s.dir.path(pidfile)))
		s.writeBackground(script, "database", quoteAll(s.mariadb), "database-again.log", "unix://"+s.dir.path("db/mysqld.sock"))
	}
}

// webInScript is the command of the shop's web server as words of a shell.
func (s *shop) webInScript() string {
	return "env -i " + quoteAll(s.fixedEnviron()) + " " + quoteAll(s.webCommand())
}

// writeStart writes the script that runs the installed shop again, for whoever
// wants to look at it.
func (s *shop) writeStart() error {
	var script strings.Builder
	script.WriteString("#!/bin/sh\n# Runs the installed shop at http://" + s.web.address + "/ until Ctrl-C. Its admin, at /" + backend + "/, is " + adminUser + " with " + adminPassword + ".\n")
	s.writeDatabase(&script)
	fmt.Fprintf(&script, "cd %s || exit\n%s\n", quote(s.project()), s.webInScript())
	return os.WriteFile(s.dir.path("start.sh"), []byte(script.String()), 0o755)
}

// writeWebScript writes a script that asks the installed shop for a page again and
// prints the answer.
func (s *shop) writeWebScript(p page) (string, error) {
	var script strings.Builder
	script.WriteString("#!/bin/sh\n# Asks the installed shop again for its " + p.name + "\n")
	s.writeDatabase(&script)
	fmt.Fprintf(&script, "cd %s || exit\n", quote(s.project()))
	s.writeBackground(&script, "server", s.webInScript(), "web-again.log", "tcp://"+s.web.address)
	fmt.Fprintf(&script, `%s -r '
$options = ["ignore_errors" => true, "timeout" => 180];
if ($argv[2] !== "") {
    $options += ["method" => "POST", "header" => "Content-Type: application/json", "content" => $argv[2]];
}
echo file_get_contents($argv[1], false, stream_context_create(["http" => $options]));
fwrite(STDERR, $http_response_header[0] . PHP_EOL);
' %s %s
`, quote(s.programs.php), quote(s.url(p.path)), quote(p.body))
	file := s.dir.path("page-" + fileName(p.name) + ".sh")
	return file, os.WriteFile(file, []byte(script.String()), 0o755)
}
