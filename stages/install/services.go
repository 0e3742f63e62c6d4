package install

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// Services are services that run already; what is nil or empty the stage starts
// itself, or does without.
type Services struct {
	// Database is an empty database; nil starts a MariaDB for the stage.
	Database *Database
	// Search is the base URL of an OpenSearch or Elasticsearch; empty: what the
	// candidate's cell says.
	Search string
	// Cache is a Valkey or Redis, Queue a RabbitMQ; nil for none.
	Cache *Extra
	Queue *Extra
}

// A Database is the address of a database of MariaDB or MySQL, and who may use
// it. The shop's tables are made in it; one with tables of somebody else is
// refused.
type Database struct {
	Address string // host:port
	Name    string
	// Upgrade is a second empty database, for the earlier snapshot that is upgraded;
	// empty: there is none.
	Upgrade  string
	User     string
	Password Password
}

// A Password does not print.
type Password string

// String implements fmt.Stringer.
func (Password) String() string { return "redacted" }

// LogValue implements slog.LogValuer.
func (Password) LogValue() slog.Value { return slog.StringValue("redacted") }

const databaseForm = "mysql://user:password@host:port/name"

// ParseDatabase reads mysql://user:password@host:port/name; mariadb:// is the
// same. The port is 3306 if there is none, and ?upgrade=NAME names a second
// database. Its errors do not repeat the text.
func ParseDatabase(text string) (*Database, error) {
	u, address, err := parseAddress("database", databaseForm, text, "mysql", "mariadb")
	if err != nil {
		return nil, err
	}
	name := strings.Trim(u.Path, "/")
	if u.User.Username() == "" || name == "" || strings.Contains(name, "/") {
		return nil, errors.New("the database's address has no host, user or name: want " + databaseForm)
	}
	password, _ := u.User.Password()
	return &Database{Address: address, Name: name, User: u.User.Username(), Password: Password(password), Upgrade: u.Query().Get("upgrade")}, nil
}

// parseAddress reads the URL of a service, and gives its host with a port. Its errors do
// not repeat the text.
func parseAddress(service, form, text string, schemes ...string) (u *url.URL, address string, err error) {
	u, err = url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return nil, "", fmt.Errorf("the %s's address is no URL with a host: want %s", service, form)
	}
	if !slices.Contains(schemes, u.Scheme) {
		return nil, "", fmt.Errorf("the %s's address begins with %q: want %s", service, u.Scheme, form)
	}
	return u, net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), usualPorts[u.Scheme])), nil
}

// Address reads the URL of a service, and gives its host with a port.
func Address(text string) (u *url.URL, address string, err error) {
	return parseAddress("service", "mysql://, redis://, amqp:// or http://, with a host", text, slices.Collect(maps.Keys(usualPorts))...)
}

// usualPorts are those of services, by the schemes of their addresses.
var usualPorts = map[string]string{"mysql": "3306", "mariadb": "3306", "redis": "6379", "valkey": "6379", "amqp": "5672", "http": "80"}

// startServices starts or finds what the shop needs beside PHP.
func (s *shop) startServices(ctx context.Context) error {
	return inOrder(ctx, s.startDatabase, s.startExtras, s.startSearch)
}

// Tools are PHP, Composer and, for a level that needs them, the database and the
// search of a cell, with their versions. A service that does not answer is a
// *MachineError.
func (v Services) Tools(ctx context.Context, p Programs, level releases.Level, cell releases.Cell) ([]stages.Tool, error) {
	found, err := tools(ctx, p)
	if err != nil || !level.Includes(releases.Setup) {
		return found, err
	}
	database, err := v.databaseVersion(ctx, p)
	if err != nil {
		return nil, err
	}
	search, err := v.searchVersion(ctx, cell)
	if err != nil {
		return nil, err
	}
	extras, err := v.extraTools(ctx)
	found = append(found, stages.Tool{Name: "database", Version: database}, stages.Tool{Name: "search", Version: search})
	return append(found, extras...), err
}

func (v Services) databaseVersion(ctx context.Context, p Programs) (string, error) {
	if v.Database != nil {
		return databaseProbe.wait(ctx, v.Database.Address)
	}
	m, err := findMariaDB(p)
	if err != nil {
		return "", err
	}
	return m.version(ctx)
}

func (v Services) searchVersion(ctx context.Context, cell releases.Cell) (string, error) {
	switch {
	case v.Search != "":
		engine, err := askSearch(ctx, v.Search)
		if err != nil {
			return "", err
		}
		return engine.name + " " + engine.version, nil
	case cell.Search == releases.StandInSearch:
		return standInVersion, nil
	}
	return releases.NoSearch, nil
}
