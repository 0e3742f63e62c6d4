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
	"sync"
	"sync/atomic"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// A server is a folder of another machine, over sftp. The server's key must be
// known (known_hosts), and the login is by key or agent.
type server struct {
	name    string
	dir     string
	conn    *ssh.Client
	client  *sftp.Client
	options Options
	replace func(from, to string) error // rename over what is there
	sync    func(*sftp.File) error      // to the disk, where the server can be told so

	temps  atomic.Int64
	prefix string // of this run's temporaries
	mu     sync.Mutex
	made   map[string]bool // directories known to be there
}

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
	s := &server{name: u.Redacted(), conn: conn, client: client, options: o, dir: path.Clean(u.Path), made: map[string]bool{}, replace: client.PosixRename, sync: func(*sftp.File) error { return nil }}
	if home, ok := strings.CutPrefix(u.Path, "/~/"); ok {
		s.dir = path.Clean(home) // a relative path is below the home
	}
	if _, ok := client.HasExtension("fsync@openssh.com"); ok {
		s.sync = (*sftp.File).Sync
	}
	if _, ok := client.HasExtension("posix-rename@openssh.com"); !ok {
		return fail(errors.Join(errors.New("the server cannot replace a file in one step (posix-rename@openssh.com); it needs OpenSSH 4.8 or newer"), s.Close()))
	}
	return s, nil
}

// String implements Source.
func (s *server) String() string { return s.name }

// Close implements Target.
func (s *server) Close() error {
	err := s.client.Close()
	if e := s.conn.Close(); e != nil && !errors.Is(e, net.ErrClosed) && !errors.Is(e, io.EOF) {
		err = errors.Join(err, e)
	}
	return err
}

func (s *server) path(name string) string { return path.Join(s.dir, name) }

// Open implements Source.
func (s *server) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	return s.client.Open(s.path(name))
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

// Same implements Target: it reads the file. A packages.json of the same size is
// not the same, and nothing over sftp tells more of a file.
func (s *server) Same(ctx context.Context, e Entry, c Content) (bool, error) {
	if e.Dir || e.size != c.Size {
		return false, nil
	}
	file, err := s.client.Open(s.path(e.Name))
	if err != nil {
		return false, err
	}
	sum, err := sumOf(sha256.New(), contextReader{ctx, file})
	return sum == c.SHA256, errors.Join(err, file.Close())
}

// Write implements Target, by a temporary file and a rename.
func (s *server) Write(ctx context.Context, name string, c Content) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := errors.Join(s.mkdir(tempDir), s.mkdir(path.Dir(name))); err != nil {
		return fmt.Errorf("write %s of %s: %w", name, s, err)
	}
	temp := fmt.Sprintf("%s/%s-%d", tempDir, s.prefix, s.temps.Add(1))
	err := s.writeTemp(ctx, temp, c)
	if err == nil {
		err = s.replace(s.path(temp), s.path(name))
	}
	if err != nil {
		return fmt.Errorf("write %s of %s: %w", name, s, err)
	}
	return nil
}

func (s *server) writeTemp(ctx context.Context, temp string, c Content) (err error) {
	file, err := s.client.OpenFile(s.path(temp), os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := copyTo(ctx, file, c); err != nil {
		return err
	}
	if err := errors.Join(file.Chmod(0o644), s.sync(file)); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return checkBack(ctx, contextReader{ctx, file}, c)
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

// mkdir makes a directory and those above it, each 0755.
func (s *server) mkdir(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mkdirAll(s.path(name))
}

func (s *server) mkdirAll(dir string) error {
	if s.made[dir] || dir == "." || dir == "/" {
		return nil
	}
	info, err := s.client.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("%s is no directory; move it away", dir)
	case missing(err):
		if err := s.mkdirAll(path.Dir(dir)); err != nil {
			return err
		}
		if err := s.client.Mkdir(dir); err != nil {
			return fmt.Errorf("make the directory %s: %w", dir, err)
		}
		if err := s.client.Chmod(dir, 0o755); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	s.made[dir] = true
	return nil
}

// Remove implements Target.
func (s *server) Remove(ctx context.Context, names []string) error {
	dirs := map[string]bool{}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := s.client.Remove(s.path(name)); err != nil && !missing(err) {
			return fmt.Errorf("remove %s of %s: %w", name, s, err)
		}
		dirs[path.Dir(name)] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(dirs) > 0 {
		above := map[string]bool{}
		for dir := range dirs {
			// It is not removed when it is not empty, which is as it shall be.
			if dir != "." && dir != "/" && s.client.RemoveDirectory(s.path(dir)) == nil {
				delete(s.made, s.path(dir))
				above[path.Dir(dir)] = true
			}
		}
		dirs = above
	}
	return nil
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
