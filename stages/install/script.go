package install

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// writeServer starts PHP's own server in the script and waits until it answers.
func (s *shop) writeServer(script io.Writer) {
	address := strings.TrimSuffix(strings.TrimPrefix(s.base, "http://"), "/")
	fmt.Fprintf(script, `%[1]s -S %[2]s -t %[3]s %[4]s 2>%[5]s &
server=$!
trap 'kill $server' EXIT
%[1]s -r 'for ($i = 0; !@stream_socket_client("tcp://%[2]s"); usleep(100000)) { if ($i++ == 100) exit(1); }' || exit
kill -0 $server || exit
`, quote(s.programs.php), address, quote(s.dir.path("night")), quote(s.dir.path("router.php")), quote(s.dir.path("server.log")))
}

// writeDatabase starts our own database in the script, on the data that the
// installation left. The search stand-in is a part of this program; a script
// cannot start it.
func (s *shop) writeDatabase(script io.Writer) {
	if s.search != nil && s.search.standIn != nil {
		fmt.Fprintf(script, "# The shop's search was the search stand-in at %[1]s. It forgets when it ends; start it again with:\n#   mageos-nightly search-stand-in --address %[1]s\n", s.search.address)
	}
	if s.mariadb == nil {
		return
	}
	fmt.Fprintf(script, `exec 9>>%[1]s
%[2]s >%[3]s 2>&1 &
database=$!
trap 'kill $server $database 2>/dev/null' EXIT
%[4]s -r 'for ($i = 0; !@stream_socket_client("unix://%[5]s"); usleep(100000)) { if ($i++ == 300) exit(1); }' || exit
`, quote(s.dir.path(leash)), quoteAll(s.mariadb), quote(s.dir.path("database-again.log")), quote(s.programs.php), s.dir.path("db/mysqld.sock"))
}

// writeStart writes the script that runs the installed shop again, for whoever
// wants to look at it.
func (s *shop) writeStart() error {
	var script strings.Builder
	script.WriteString("#!/bin/sh\n# Runs the installed shop at http://" + s.web.address + "/ until Ctrl-C. Its admin, at /" + backend + "/, is " + adminUser + " with " + adminPassword + ".\nserver=\n")
	s.writeDatabase(&script)
	fmt.Fprintf(&script, "cd %s || exit\nenv -i %s %s\n", quote(s.project()), quoteAll(s.fixedEnviron()), quoteAll(s.webCommand()))
	return os.WriteFile(s.dir.path("start.sh"), []byte(script.String()), 0o755)
}

// writeWebScript writes a script that asks the installed shop for a page again and
// prints the answer.
func (s *shop) writeWebScript(p page) (string, error) {
	var script strings.Builder
	script.WriteString("#!/bin/sh\n# Asks the installed shop again for its " + p.name + "\nserver=\n")
	s.writeDatabase(&script)
	fmt.Fprintf(&script, "cd %s || exit\nenv -i %s %s 2>%s &\nserver=$!\ntrap 'kill $server $database 2>/dev/null' EXIT\n",
		quote(s.project()), quoteAll(s.fixedEnviron()), quoteAll(s.webCommand()), quote(s.dir.path("web-again.log")))
	fmt.Fprintf(&script, `%[1]s -r 'for ($i = 0; !@stream_socket_client("tcp://%[2]s"); usleep(100000)) { if ($i++ == 100) exit(1); }' || exit
%[1]s -r '
$options = ["ignore_errors" => true, "timeout" => 180];
if ($argv[2] !== "") {
    $options += ["method" => "POST", "header" => "Content-Type: application/json", "content" => $argv[2]];
}
echo file_get_contents($argv[1], false, stream_context_create(["http" => $options]));
fwrite(STDERR, $http_response_header[0] . PHP_EOL);
' %[3]s %[4]s
`, quote(s.programs.php), s.web.address, quote(s.url(p.path)), quote(p.body))
	file := s.dir.path("page-" + fileName(p.name) + ".sh")
	return file, os.WriteFile(file, []byte(script.String()), 0o755)
}
