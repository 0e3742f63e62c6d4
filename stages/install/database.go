package install

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// A database is what the shop stores its data in.
type database struct {
	host     string // host:port, or the path of a socket
	name     string
	upgrade  string // a second one, for the night that is upgraded; empty: none
	user     string
	password Password
	// secret says that the password is somebody's, and not our own database's.
	secret bool
}

// startDatabase uses the database that was given, or starts one.
func (s *shop) startDatabase(ctx context.Context) error {
	given := s.options.Services.Database
	if given == nil {
		return s.startMariaDB(ctx)
	}
	version, err := handshake(ctx, "tcp", given.Address)
	if err != nil {
		return err
	}
	s.database = &database{host: given.Address, name: given.Name, upgrade: given.Upgrade, user: given.User, password: given.Password, secret: given.Password != ""}
	if err := s.claimDatabase(ctx); err != nil {
		return err
	}
	if real := s.tool("database"); real != "" && real != version {
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
	script := s.dir.path("tmp/claim.php")
	if err := os.WriteFile(script, phpClaim, 0o644); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(s.database.host)
	if err != nil {
		return err
	}
	c := command{
		step: "claim-database", dir: s.dir.root, args: []string{s.programs.php, script},
		extra: []string{"DB_HOST=" + host, "DB_PORT=" + port, "DB_NAME=" + s.database.name, "DB_USER=" + s.database.user, "DB_PASSWORD=" + string(s.database.password)},
		// The script that runs it again gets it from the variable, too.
		secret: string(s.database.password),
	}
	_, err = s.run(ctx, c)
	var failed *stepError
	if errors.As(err, &failed) {
		return &MachineError{Err: err, Do: "name an empty database, whose user may make and drop tables in it"}
	}
	return err
}

// answerTime is how long a service may take to answer for the first time.
const answerTime = 2 * time.Minute

// handshake asks a database of MariaDB or MySQL for its version: the first thing
// that such a server says. It waits for one that is starting.
//
// Source: MySQL's documentation of its protocol, Protocol::HandshakeV10.
func handshake(ctx context.Context, network, address string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, fmt.Errorf("no answer within %v", answerTime))
	defer cancel()
	for {
		version, err := greeting(ctx, network, address)
		if err == nil {
			return version, nil
		}
		select {
		case <-ctx.Done():
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return "", ctx.Err()
			}
			return "", &MachineError{
				Err: fmt.Errorf("the database at %s: %w: %w", address, context.Cause(ctx), err),
				Do:  "start it, or correct its address",
			}
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func greeting(ctx context.Context, network, address string) (version string, err error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }() // nothing was written
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	var head [4]byte
	in := bufio.NewReader(conn)
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return "", fmt.Errorf("read its greeting: %w", err)
	}
	size := binary.LittleEndian.Uint32(append(head[:3:3], 0))
	packet := make([]byte, min(size, 1024))
	if _, err := io.ReadFull(in, packet); err != nil {
		return "", fmt.Errorf("read its greeting: %w", err)
	}
	text, _, ok := bytes.Cut(packet, []byte{0})
	if !ok || len(text) < 2 || text[0] != 10 {
		return "", errors.New("what answers is no MariaDB or MySQL")
	}
	return readableVersion(string(text[1:])), nil
}

// readableVersion takes off the prefix by which MariaDB pleases old clients.
func readableVersion(text string) string { return strings.TrimPrefix(text, "5.5.5-") }
