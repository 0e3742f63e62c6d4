package install

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mage-os/nightly/releases"
)

// common is a MariaDB on loopback that tests have in common; it runs until the
// last one has ended.
var common struct {
	once    sync.Once
	address string
	err     error
	stop    func()
	used    atomic.Int32
}

// databases is how many it has: shop1, shop2, …
const databases = 20

func TestMain(m *testing.M) {
	code := m.Run()
	if common.stop != nil {
		common.stop()
	}
	os.Exit(code)
}

// aDatabase is an empty one that no other test uses.
func aDatabase(t *testing.T) *Database {
	t.Helper()
	needDatabase(t)
	common.once.Do(func() { common.address, common.stop, common.err = startCommon() })
	if common.err != nil {
		t.Fatal(common.err)
	}
	n := common.used.Add(1)
	if n > databases {
		t.Fatalf("all %d databases are used; raise their number", databases)
	}
	d, err := ParseDatabase(fmt.Sprintf("mysql://tester:s%%26cret@%s/shop%d", common.address, n))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func startCommon() (address string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "nightly-db-")
	if err != nil {
		return "", nil, err
	}
	remove := func() { _ = os.RemoveAll(dir) }
	m, err := findMariaDB(Programs{})
	if err != nil {
		return "", remove, err
	}
	install := exec.Command(m.install, append([]string{"--no-defaults", "--datadir=" + dir + "/data", "--auth-root-authentication-method=normal", "--skip-test-db"}, asRoot()...)...)
	if out, err := install.CombinedOutput(); err != nil {
		return "", remove, fmt.Errorf("%w: %s", err, out)
	}
	var sql strings.Builder
	for n := range databases {
		fmt.Fprintf(&sql, "CREATE DATABASE shop%d;\nGRANT ALL ON shop%[1]d.* TO 'tester'@'127.0.0.1' IDENTIFIED BY 's&cret';\n", n+1)
	}
	if err := os.WriteFile(filepath.Join(dir, "init.sql"), []byte(sql.String()), 0o600); err != nil {
		return "", remove, err
	}
	if address, err = freeAddress(); err != nil {
		return "", remove, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", remove, err
	}
	server := exec.Command(m.server, append([]string{"--no-defaults", "--datadir=" + dir + "/data", "--socket=" + dir + "/sock", "--bind-address=127.0.0.1",
		"--port=" + port, "--skip-name-resolve", "--init-file=" + dir + "/init.sql", "--innodb-flush-log-at-trx-commit=0"}, asRoot()...)...)
	if err := server.Start(); err != nil {
		return "", remove, err
	}
	stop = func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Process.Kill()
		_ = server.Wait()
		remove()
	}
	_, err = databaseProbe.wait(context.Background(), address)
	return address, stop, err
}

func TestParseDatabase(t *testing.T) {
	tests := map[string]struct {
		text  string
		want  Database
		fails string
	}{
		"whole":        {text: "mysql://u:p%40ss@db.example.org:3307/shop", want: Database{Address: "db.example.org:3307", Name: "shop", User: "u", Password: "p@ss"}},
		"without port": {text: "mariadb://u@db/shop", want: Database{Address: "db:3306", Name: "shop", User: "u"}},
		"two":          {text: "mysql://u@db/shop?upgrade=other", want: Database{Address: "db:3306", Name: "shop", Upgrade: "other", User: "u"}},
		"IPv6":         {text: "mysql://u@[::1]/shop", want: Database{Address: "[::1]:3306", Name: "shop", User: "u"}},
		"no URL":       {text: "://secret", fails: "no URL"},
		"other scheme": {text: "postgres://u:secret@db/shop", fails: `begins with "postgres"`},
		"no name":      {text: "mysql://u:secret@db", fails: "no host, user or name"},
		"no user":      {text: "mysql://db/shop", fails: "no host, user or name"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseDatabase(test.text)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) || strings.Contains(err.Error(), "secret") {
					t.Errorf("got %v, want %q without the password", err, test.fails)
				}
				return
			}
			if err != nil || *got != test.want {
				t.Errorf("got %+v, %v", got, err)
			}
			if text := fmt.Sprintf("%v %s %+v", got, got.Password, *got); strings.Contains(text, "p@ss") {
				t.Errorf("the password is printed: %s", text)
			}
		})
	}
}

func TestAccepted(t *testing.T) {
	gateOf := func(patterns string) string {
		return `<type name="Magento\Framework\DB\Adapter\SqlVersionProvider"><arguments><argument name="supportedVersionPatterns" xsi:type="array">` +
			patterns + `</argument></arguments></type>`
	}
	tests := map[string]struct{ diXML, real, want string }{
		"no gate":         {"<config/>", "10.11.14-MariaDB", "10.11.14-MariaDB"},
		"taken":           {gateOf(`<item name="MariaDB-(10.2-10.11)" xsi:type="string">^10\.([2-9]|1[01])\.</item>`), "10.11.14-MariaDB", "10.11.14-MariaDB"},
		"refused":         {gateOf(`<item name="MySQL-8" xsi:type="string">^8\.0\.</item><item name="MariaDB-(10.2-10.6)" xsi:type="string">^10\.[2-6]\.</item>`), "10.11.14-MariaDB", "10.6.99-MariaDB"},
		"only newer ones": {gateOf(`<item name="MariaDB-11" xsi:type="string">^11\.[48]\.</item>`), "10.11.14-MariaDB", "11.8.99-MariaDB"},
		"no MariaDB":      {gateOf(`<item name="MySQL-8" xsi:type="string">^8\.0\.</item>`), "10.11.14-MariaDB", "10.11.14-MariaDB"},
		"no pattern":      {gateOf(`<item name="MariaDB" xsi:type="string">^(</item>`), "10.11.14-MariaDB", "10.11.14-MariaDB"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := accepted(test.diXML, test.real); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// A database with tables of somebody else is not touched, one that an earlier
// installation filled is emptied, and the password is nowhere to be read.
func TestGivenDatabase(t *testing.T) {
	given := aDatabase(t)
	t.Parallel()
	f := newShop(t, tinyShop(t), releases.Setup, releases.NoSearch)
	f.options.Services.Database = given
	for range 2 {
		if _, err := Stage(f.options).Run(t.Context(), f.candidate); err != nil {
			t.Fatal(err)
		}
	}
	query(t, given, "DROP TABLE nightly_test_installation")
	_, err := Stage(f.options).Run(t.Context(), f.candidate)
	var machine *MachineError
	if !errors.As(err, &machine) || !strings.Contains(err.Error(), "holds 1 tables that no test installation made") {
		t.Errorf("got %v, want that the database is refused", err)
	}
	if strings.Contains(err.Error(), string(given.Password)) {
		t.Errorf("the error has the password: %v", err)
	}
	script := string(readFile(t, filepath.Join(f.options.Dir, "reproduce.sh")))
	if strings.Contains(script, string(given.Password)) {
		t.Errorf("the script has the password:\n%s", script)
	}
	query(t, given, "SELECT * FROM tiny_greeting") // it is still there
}

// query asks a database with PHP.
func query(t *testing.T, d *Database, sql string) {
	t.Helper()
	host, port, err := net.SplitHostPort(d.Address)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("php", "-r", `mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
		(new mysqli($argv[1], $argv[2], $argv[3], $argv[4], (int) $argv[5]))->query($argv[6]);`,
		host, d.User, string(d.Password), d.Name, port, sql).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", sql, err, out)
	}
}

// What answers is no database, or nothing does.
func TestProbe(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	greetings := make(chan string)
	go func() {
		for text := range greetings {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Write([]byte(text))
			conn.Close()
		}
	}()
	defer close(greetings)
	tests := []struct{ name, greeting, version, fails string }{
		{"MySQL", "\x0a\x00\x00\x00\x0a8.0.36\x00\x00\x00", "8.0.36", ""},
		{"MariaDB", "\x16\x00\x00\x00\x0a5.5.5-10.6.1-MariaDB\x00", "10.6.1-MariaDB", ""},
		{"a refusal", "\x05\x00\x00\x00\xff\x10\x04No", "", "no database that says its version"},
		{"a web server", "HTTP/1.1 400 Bad Request\r\n\r\n", "", "no database that says its version"},
		{"nothing", "", "", "no database that says its version"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			greetings <- test.greeting
			got, err := databaseProbe.ask(t.Context(), "tcp", listener.Addr().String())
			if got != test.version || test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails)) {
				t.Errorf("got %q, %v, want %q, %q", got, err, test.version, test.fails)
			}
		})
	}
}
