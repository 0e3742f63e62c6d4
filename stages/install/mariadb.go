package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/mage-os/nightly/pipeline/files"
)

// mariaDB are the programs of a MariaDB.
type mariaDB struct{ server, install string }

func findMariaDB(p Programs) (mariaDB, error) {
	m := mariaDB{
		server:  locate(p.MariaDB, "mariadbd", "mysqld"),
		install: locate(p.MariaDBInstall, "mariadb-install-db", "mysql_install_db"),
	}
	if m.server == "" || m.install == "" {
		return mariaDB{}, &MachineError{
			Err: errors.New("a shop needs a database, and this machine has no mariadbd and mariadb-install-db"),
			Do:  "install MariaDB (on Debian: apt install mariadb-server), name a database that runs, or prove less with --level install",
		}
	}
	return m, nil
}

var serverVersion = regexp.MustCompile(`Ver (\S+)`)

// version is what the server calls itself: 10.11.14-MariaDB.
func (m mariaDB) version(ctx context.Context) (string, error) {
	text, err := ask(ctx, []string{"LANG=C.UTF-8"}, m.server, "--no-defaults", "--version")
	if err != nil {
		return "", err
	}
	found := serverVersion.FindStringSubmatch(text)
	if found == nil {
		return "", &MachineError{Err: fmt.Errorf("%s --version says %q", m.server, text), Do: "install MariaDB"}
	}
	version, _, maria := strings.Cut(found[1], "-MariaDB")
	if !maria && !strings.Contains(text, "MariaDB") {
		return version, nil // MySQL's
	}
	return version + "-MariaDB", nil
}

// The database that the shop has in a MariaDB of ours. Its password guards
// nothing: the server listens on a socket in a folder that only we may enter.
const (
	ownName     = "shop"
	upgradeName = "upgrade"
	ownUser     = "shop"
	ownPassword = "shop"
)

// maxSocket is the longest path of a unix socket, in bytes: sun_path on Linux,
// without the NUL at its end.
const maxSocket = 107

// startMariaDB starts a MariaDB of our own in the work folder, which ends with
// the installation.
func (s *shop) startMariaDB(ctx context.Context) error {
	m, err := findMariaDB(s.options.Programs)
	if err != nil {
		return err
	}
	real, err := m.version(ctx)
	if err != nil {
		return err
	}
	socket := s.dir.path("db/mysqld.sock")
	if len(socket) > maxSocket {
		return &MachineError{Err: fmt.Errorf("the path of the database's socket, %s, is longer than %d bytes", socket, maxSocket), Do: "choose a shorter folder with --store"}
	}
	if err := os.Mkdir(s.dir.path("db"), 0o700); err != nil {
		return err
	}
	if err := s.initMariaDB(ctx, m); err != nil {
		return err
	}
	said := s.acceptedVersion(real)
	args := []string{m.server, "--no-defaults", "--datadir=" + s.dir.path("db/data"), "--socket=" + socket,
		"--pid-file=" + s.dir.path("db/mysqld.pid"), "--skip-networking", "--skip-name-resolve",
		"--init-file=" + s.dir.path("db/init.sql"), "--version=" + said,
		// A test's data need not survive a power cut.
		"--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--skip-log-bin", "--max-allowed-packet=64M",
	}
	s.mariadb = append(args, asRoot()...)
	server, err := s.startServer(service{name: "database", args: s.mariadb, dir: s.dir.path("db"), end: syscall.SIGTERM})
	if err != nil {
		return err
	}
	s.atEnd(server.stop)
	err = server.answers(ctx, func(ctx context.Context) error {
		_, err := databaseProbe.ask(ctx, "unix", socket)
		return err
	})
	if err != nil {
		return err
	}
	s.database = &database{host: socket, name: ownName, upgrade: upgradeName, user: ownUser, password: ownPassword}
	if said == real {
		s.prove("database", "MariaDB %s, of this run alone", real)
	} else {
		s.prove("database", "MariaDB %s, of this run alone; it was told to call itself %s, because this version of the shop refuses its own number", real, said)
	}
	return nil
}

// asRoot is what MariaDB wants to hear before it runs as root.
func asRoot() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

// initMariaDB makes an empty data folder and what the server has to do first.
func (s *shop) initMariaDB(ctx context.Context, m mariaDB) error {
	args := []string{m.install, "--no-defaults", "--datadir=" + s.dir.path("db/data"),
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"}
	_, err := s.run(ctx, command{step: "mariadb-install-db", dir: s.dir.path("db"), args: append(args, asRoot()...)})
	var failed *stepError
	if errors.As(err, &failed) {
		return &MachineError{Err: err, Do: "correct this machine's MariaDB, or name a database that runs"}
	}
	if err != nil {
		return err
	}
	// One line for each statement: so an init file is read.
	sql := "CREATE DATABASE IF NOT EXISTS " + ownName + ";\n" +
		"CREATE USER IF NOT EXISTS '" + ownUser + "'@'localhost' IDENTIFIED BY '" + ownPassword + "';\n" +
		"GRANT ALL ON " + ownName + ".* TO '" + ownUser + "'@'localhost';\n" +
		"CREATE DATABASE IF NOT EXISTS " + upgradeName + ";\n" +
		"GRANT ALL ON " + upgradeName + ".* TO '" + ownUser + "'@'localhost';\n"
	return os.WriteFile(s.dir.path("db/init.sql"), []byte(sql), 0o600)
}

// gate is the part of app/etc/di.xml that says which database servers the shop
// takes.
var (
	gate    = regexp.MustCompile(`(?s)SqlVersionProvider.*?supportedVersionPatterns(.*?)</type>`)
	pattern = regexp.MustCompile(`<item name="[^"]*MariaDB[^"]*"[^>]*>([^<]+)</item>`)
)

// pretended are versions of MariaDB that a server of another one may call itself,
// newest first.
var pretended = []string{"11.8.99-MariaDB", "11.4.99-MariaDB", "10.11.99-MariaDB", "10.6.99-MariaDB", "10.4.99-MariaDB"}

// acceptedVersion is the server's own version if the shop takes it, else one that
// it takes. The server's number is the only thing that this changes; the shop is
// left as it is.
func (s *shop) acceptedVersion(real string) string {
	data, err := files.Read(filepath.Join(s.project(), "app", "etc", "di.xml"), maxForeign)
	if err != nil {
		return real // no gate that we know
	}
	return accepted(string(data), real)
}

func accepted(diXML, real string) string {
	part := gate.FindStringSubmatch(diXML)
	if part == nil {
		return real
	}
	takes := pattern.FindAllStringSubmatch(part[1], -1)
	for _, version := range append([]string{real}, pretended...) {
		for _, found := range takes {
			if match, err := regexp.MatchString(found[1], version); err == nil && match {
				return version
			}
		}
	}
	return real
}
