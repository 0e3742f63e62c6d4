package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Door is an address that a stage behind a wall may connect to. There is no other network
// there: a socket in its folder, and this program at its other end, is all of it.
type Door struct {
	Inside  string // host:port there, of loopback
	Outside string // host:port here
}

// DoorTo makes the nth door of a stage, to host:port.
func DoorTo(n int, outside string) Door {
	// All of 127.0.0.0/8 is loopback. The port is one that everybody may listen at.
	return Door{Inside: "127.0.78." + strconv.Itoa(n+1) + ":7800", Outside: outside}
}

// sockets are open doors: a folder with a socket each, and the arguments by which the stage
// finds them.
type sockets struct {
	dir  string
	args []string
	open closers
}

// openDoors opens doors to a stage that has their folder at there. The caller closes them.
func openDoors(ctx context.Context, there string, doors []Door) (_ *sockets, err error) {
	// Other users of the machine do not get through the outer folder, which is this user's
	// alone; the stage has the inner one mounted. Their path is short, as a socket's has to be.
	outer, err := os.MkdirTemp("", "doors-")
	if err != nil {
		return nil, err
	}
	s := &sockets{dir: filepath.Join(outer, "open")}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		return nil, err
	}
	for i, door := range doors {
		socket := filepath.Join(s.dir, strconv.Itoa(i))
		l, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
		if err != nil {
			return nil, fmt.Errorf("open a door to %s: %w", door.Outside, err)
		}
		s.open = append(s.open, l)
		s.args = append(s.args, "--door", door.Inside+"="+path.Join(there, strconv.Itoa(i)))
		if err := os.Chmod(socket, 0o666); err != nil { // the stage is another user
			return nil, err
		}
		go forward(l, dialer("tcp", door.Outside))
	}
	return s, os.Chmod(s.dir, 0o755) // whatever the umask
}

// Close implements io.Closer.
func (s *sockets) Close() error {
	return errors.Join(s.open.Close(), os.RemoveAll(filepath.Dir(s.dir)))
}

// EnterDoors opens, behind the wall, the addresses of doors, which are the values of --door.
// The caller closes them.
func EnterDoors(ctx context.Context, doors []string) (io.Closer, error) {
	var all closers
	for _, door := range doors {
		inside, socket, _ := strings.Cut(door, "=")
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", inside)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("--door %s: want HOST:PORT=SOCKET: %w", door, err), all.Close())
		}
		all = append(all, l)
		go forward(l, dialer("unix", socket))
	}
	return all, nil
}

// maxThrough is how many connections a door has at once; more wait.
const maxThrough = 256

// dialer connects everybody to an address.
func dialer(network, address string) func(net.Conn) (net.Conn, error) {
	return func(net.Conn) (net.Conn, error) { return net.Dial(network, address) }
}

// forward connects whoever comes to a listener, until that is closed.
func forward(l net.Listener, dial func(from net.Conn) (net.Conn, error)) {
	room := make(chan struct{}, maxThrough)
	for {
		from, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // there are no more files: somebody ends
			time.Sleep(100 * time.Millisecond)
			continue
		}
		room <- struct{}{}
		go func() {
			defer func() { <-room }()
			defer from.Close()
			to, err := dial(from)
			if err != nil {
				return // as if nobody listened
			}
			defer to.Close()
			var both sync.WaitGroup
			both.Go(func() { pour(to, from) })
			both.Go(func() { pour(from, to) })
			both.Wait()
		}()
	}
}

// pour copies until the end, and tells the other side of it.
func pour(to, from net.Conn) {
	_, _ = io.Copy(to, from) // either may go at any time
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

type closers []io.Closer

// Close implements io.Closer.
func (c closers) Close() error {
	var errs []error
	for _, each := range c {
		errs = append(errs, each.Close())
	}
	return errors.Join(errs...)
}
