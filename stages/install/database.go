package install

import (
	"context"
	_ "embed"
	"errors"
	"net"
	"strings"
)

// A database is what the shop stores its data in.
type database struct {
	host     string // host:port, or the path of a socket
	name     string
	upgrade  string // a second one, for the snapshot that is upgraded; empty: none
	user     string
	password Password
	// secret says that the password is somebody's, and not our own database's.
	secret bool
}

// databaseSecret is the variable by which reproduce.sh gets the database's password.
const databaseSecret = "DATABASE_PASSWORD"

// startDatabase uses the database that was given, or starts one.
func (s *shop) startDatabase(ctx context.Context) error {
	given := s.options.Services.Database
	if given == nil {
		return s.startMariaDB(ctx)
	}
	version, err := databaseProbe.wait(ctx, given.Address)
	if err != nil {
		return err
	}
	s.database = &database{host: given.Address, name: given.Name, upgrade: given.Upgrade, user: given.User, password: given.Password, secret: given.Password != ""}
	if err := s.claimDatabase(ctx); err != nil {
		return err
	}
	if real := s.tool("database"); !strings.HasPrefix(version, real) {
		s.prove("database", "%s at %s; it was told to call itself %s, the version of the cell", real, given.Address, version)
		return nil
	}
	s.prove("database", "%s at %s", version, given.Address)
	return nil
}

// phpClaim makes sure that the database is empty or of an earlier installation;
// see the file.
//
//go:embed php/claim.php
var phpClaim []byte

// claimDatabase empties a database that an earlier installation filled, and
// refuses one that holds tables of somebody else.
func (s *shop) claimDatabase(ctx context.Context) error {
	host, port, err := net.SplitHostPort(s.database.host)
	if err != nil {
		return err
	}
	c := command{
		step: "claim-database", dir: s.dir.root,
		extra:   []string{"DB_HOST=" + host, "DB_PORT=" + port, "DB_NAME=" + s.database.name, "DB_USER=" + s.database.user, "DB_PASSWORD=" + string(s.database.password)},
		secrets: map[string]string{databaseSecret: string(s.database.password)},
	}
	err = s.runPHP(ctx, c, phpClaim)
	var failed *stepError
	if errors.As(err, &failed) {
		return &MachineError{Err: err, Do: "name an empty database, whose user may make and drop tables in it"}
	}
	return err
}
