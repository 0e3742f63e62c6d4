package target

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// A server is a folder of another machine, over sftp. The server's key must be
// known (known_hosts), and the login is by key or agent.
type server struct {
	disk
	conn    *ssh.Client
	client  *sftp.Client
	options Options
}

// lastWords is how long a server may take once a run was stopped.
const lastWords = 30 * time.Second

type remoteFiles struct{ *sftp.Client }

// read implements fileSystem: a server that opens a pipe may never answer.
func (r remoteFiles) read(name string) (file, error) {
	info, err := r.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no plain file (%s)", name, info.Mode())
	}
	if err != nil {
		return nil, err
	}
	return r.OpenFile(name, os.O_RDONLY)
}

func (r remoteFiles) open(name string, flags int) (file, error) { return r.OpenFile(name, flags) }

func checkSFTP(u *url.URL) error {
	if _, given := u.User.Password(); given {
		return fmt.Errorf("publish to %s: a password is not taken; log in with a key or an ssh agent", u.Redacted())
	}
	if u.Hostname() == "" || strings.Trim(u.Path, "/") == "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("publish to %s: give a host and a folder, as sftp://user@host/srv/repository, or sftp://host/~/repository below the home", u.Redacted())
	}
	return nil
}

func openSFTP(ctx context.Context, u *url.URL, o Options) (Target, error) {
	fail := func(err error) (Target, error) {
		return nil, fmt.Errorf("publish to %s: %w", u.Redacted(), err)
	}
	conn, err := o.SSH.Dial(ctx, net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "22")), u.User.Username())
	if err != nil {
		return fail(err)
	}
	// What is not whole is only ever a temporary, so its writes need no order.
	client, err := sftp.NewClient(conn, sftp.UseConcurrentWrites(true))
	if err != nil {
		return fail(errors.Join(fmt.Errorf("the server gives no sftp: %w", err), conn.Close()))
	}
	s := &server{conn: conn, client: client, options: o, disk: disk{
		name: u.Redacted(), dir: path.Clean(u.Path), files: remoteFiles{client}, join: path.Join, parent: path.Dir, sync: file.Sync,
		made: map[string]bool{}, dirty: map[string]bool{},
	}}
	// A server that hangs answers nobody who was stopped; until then there are things to put in order.
	context.AfterFunc(ctx, func() { _ = errors.Join(o.Wait(context.WithoutCancel(ctx), lastWords), conn.Close()) })
	if home, ok := strings.CutPrefix(u.Path, "/~/"); ok {
		s.dir = path.Clean(home) // a relative path is below the home
	}
	if _, ok := client.HasExtension("fsync@openssh.com"); !ok {
		s.sync = func(file) error { return nil }
	}
	if _, ok := client.HasExtension("posix-rename@openssh.com"); !ok {
		return fail(errors.Join(errors.New("the server cannot replace a file in one step (posix-rename@openssh.com); it needs OpenSSH 4.8 or newer"), s.Close()))
	}
	return s, nil
}

// Close implements Target. All that was written was answered before: a connection that is
// gone already, because the run was stopped, needs no other end.
func (s *server) Close() error {
	var errs []error
	for _, err := range []error{s.client.Close(), s.conn.Close()} {
		if !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.EOF) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// List implements Target.
func (s *server) List(ctx context.Context, dir string) ([]Entry, error) {
	found, err := s.client.ReadDirContext(ctx, s.path(dir))
	if err != nil && !missing(err) {
		return nil, fmt.Errorf("list %s of %s: %w", dir, s, err)
	}
	entries := make([]Entry, 0, len(found))
	for _, info := range found {
		entries = append(entries, Entry{Name: path.Join(dir, info.Name()), Dir: info.IsDir(), size: info.Size()})
	}
	return entries, nil
}

// create implements lockTarget.
func (s *server) create(_ context.Context, name string, data []byte) error {
	if err := s.mkdir(path.Dir(name)); err != nil {
		return err
	}
	file, err := s.client.OpenFile(s.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		// Version 3 of the protocol has no code for "is there".
		if _, there := s.client.Lstat(s.path(name)); there == nil {
			return fs.ErrExist
		}
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}

// Flush implements Target. Files were synced when they were written; directories
// cannot be, over sftp.
func (s *server) Flush(context.Context) error { return nil }

// Lock implements Target. It removes what runs before left half written.
func (s *server) Lock(ctx context.Context, h Holder) (context.Context, func() error, error) {
	sum := sha256.Sum256([]byte(h.Name + h.Since.String()))
	s.prefix = hex.EncodeToString(sum[:8])
	l := &lease{target: s, holder: h, o: s.options}
	held, release, err := l.take(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := s.clean(held); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("remove what an earlier run left at %s: %w", s, err), release())
	}
	return held, release, nil
}

// clean removes temporaries of others.
func (s *server) clean(ctx context.Context) error {
	temps, err := s.client.ReadDirContext(ctx, s.path(tempDir))
	if err != nil && !missing(err) {
		return err
	}
	for _, temp := range temps {
		if strings.HasPrefix(temp.Name(), s.prefix) {
			continue
		}
		if err := s.client.Remove(s.path(tempDir + "/" + temp.Name())); err != nil && !missing(err) {
			return err
		}
	}
	return nil
}
