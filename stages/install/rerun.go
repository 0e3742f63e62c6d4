package install

import (
	"fmt"
	"os"
	"strings"
)

// A script does something again for a person, with all that the installation had.
type script struct {
	title    string
	snapshot bool     // it needs the served snapshot
	secrets  []string // variables that it has to be given
	dir      string
	web      bool   // it needs the shop's web server
	index    bool   // what the search stand-in had is to be made again
	command  string // the last that it runs, as words of a shell
}

// ProgramVariable names this program to a script, so that it can start the search stand-in.
const ProgramVariable = "NIGHTLY_PROGRAM"

// nobody is the user of the installation inside a sandbox that root has made.
const nobody = 65534

// writeScript writes a script and gives the command that runs it.
func (s *shop) writeScript(name string, c script) (string, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "#!/bin/sh\n# %s\n", c.title)
	if user := os.Geteuid(); user != 0 { // whose files these are
		fmt.Fprintf(&text, "[ \"$(id -u)\" != 0 ] || exec setpriv --reuid=%d --regid=%d --clear-groups sh \"$0\"\n", user, os.Getegid())
	}
	// A server is started in the background and waited for at an address as PHP writes
	// it. Its process id is in a variable, server or database; both end with the script.
	background := func(variable, command, log, address string) {
		fmt.Fprintf(&text, `%[2]s >%[3]s 2>&1 &
%[1]s=$!
trap 'kill $server $database $search 2>/dev/null' EXIT
trap exit INT TERM
%[4]s -r 'for ($i = 0; !@stream_socket_client("%[5]s"); usleep(100000)) { if ($i++ == 300) exit(1); }' || exit
kill -0 $%[1]s || exit
`, variable, command, quote(s.dir.path(log)), quote(s.programs.php), address)
	}
	if c.snapshot {
		address := strings.TrimSuffix(strings.TrimPrefix(s.base, "http://"), "/")
		background("server", quoteAll([]string{s.programs.php, "-S", address, "-t", s.dir.path("snapshot"), s.dir.path("router.php")}), "server.log", "tcp://"+address)
	}
	if s.search != nil && s.search.standIn != nil { // a part of this program; a script cannot start it
		fmt.Fprintf(&text, `# The shop's search was the search stand-in at %[1]s, which forgets when it ends. Where
# %[2]s does not name the program, start it with: mageos-nightly search-stand-in --address %[1]s
[ -z "$%[2]s" ] || { "$%[2]s" search-stand-in --address %[1]s & search=$!; }
`, s.search.address, ProgramVariable)
	}
	if s.mariadb != nil { // our own database, on the data that the installation left
		fmt.Fprintf(&text, "exec 9>>%s\n", quote(s.dir.path(pidfile)))
		background("database", quoteAll(s.mariadb), "database-again.log", "unix://"+s.dir.path("db/mysqld.sock"))
	}
	for _, name := range c.secrets {
		fmt.Fprintf(&text, ": \"${%s:?set it to the password of that service}\"\n", name)
	}
	fmt.Fprintf(&text, "cd %s || exit\n", quote(c.dir))
	if c.index {
		fmt.Fprintf(&text, "[ -z \"$%s\" ] || %s || exit\n", ProgramVariable, "env -i "+quoteAll(s.environ())+" "+quoteAll(s.magento("", "indexer:reindex", fulltext).args))
	}
	if c.web {
		background("server", s.webInScript(), "web-again.log", "tcp://"+s.web.address)
	}
	text.WriteString(c.command + "\n")
	file := s.dir.path(name)
	run := "sh " + quote(file)
	if os.Geteuid() == nobody { // package code could write to the file, too: root must not be who runs it
		run = fmt.Sprintf("setpriv --reuid=%d --regid=%[1]d --clear-groups %s", nobody, run)
	}
	return run, os.WriteFile(file, []byte(text.String()), 0o755)
}

// webInScript is the command of the shop's web server as words of a shell.
func (s *shop) webInScript() string {
	return "env -i " + quoteAll(s.environ()) + " " + quoteAll(s.webCommand())
}
