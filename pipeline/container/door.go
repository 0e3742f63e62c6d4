package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// A Door is an address that a stage behind a wall may connect to. There is no other network
// there: a socket in its folder, and this program at its other end, is all of it.
type Door struct {
	Inside  string // host:port there, of loopback
	Outside string // host:port here
}

// DoorTo makes the nth door of a stage, to host:port.
func DoorTo(n int, outside string) Door {
	_, port, _ := net.SplitHostPort(outside)
	// All of 127.0.0.0/8 is loopback, so that two services may have one port.
	return Door{Inside: "127.0.78." + strconv.Itoa(n+1) + ":" + port, Outside: outside}
}

// openDoors makes the sockets of doors in a folder, and gives the arguments by which the
// stage finds them in a folder of its own. The caller closes them.
func openDoors(ctx context.Context, dir, there string, doors []Door) (args []string, closers closers, err error) {
	for i, door := range doors {
		name := strconv.Itoa(i)
		l, err := (&net.ListenConfig{}).Listen(ctx, "unix", filepath.Join(dir, name))
		if err == nil {
			closers = append(closers, l)
			err = os.Chmod(filepath.Join(dir, name), 0o666) // the stage is another user
		}
		if err != nil {
			return nil, closers, fmt.Errorf("open a door to %s: %w", door.Outside, err)
		}
		go forward(l, "tcp", door.Outside)
		args = append(args, "--door", door.Inside+"="+filepath.Join(there, name))
	}
	return args, closers, nil
}

// EnterDoors opens, behind the wall, the addresses of doors, which are the values of --door.
// The caller closes them.
func EnterDoors(ctx context.Context, doors []string) (io.Closer, error) {
	var all closers
	for _, door := range doors {
		inside, socket, ok := strings.Cut(door, "=")
		if !ok {
			return all, fmt.Errorf("--door %s: want HOST:PORT=SOCKET", door)
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", inside)
		if err != nil {
			return all, fmt.Errorf("--door %s: %w", door, err)
		}
		all = append(all, l)
		go forward(l, "unix", socket)
	}
	return all, nil
}

// forward connects whoever comes to a listener, until that is closed.
func forward(l net.Listener, network, address string) {
	for {
		from, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer from.Close()
			to, err := net.Dial(network, address)
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
