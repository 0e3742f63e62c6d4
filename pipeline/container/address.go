package container

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"dagger.io/dagger/engineconn"
)

// Version is that of the library, which go.mod has; engine and command line tool are of the
// same.
const Version = "v" + engineconn.CLIVersion

// Image is the address of Dagger's own engine in Docker, or a program like it.
const Image = "image://registry.dagger.io/engine:" + Version

// dialTime is how long a socket may take to answer. Dagger itself waits without
// end for one that is dead.
const dialTime = 2 * time.Second

// Dial looks whether something listens at an engine's address, if that is a
// socket: unix:// or tcp://. Of other addresses only Connect can tell. Its error
// is an *EngineError.
func Dial(ctx context.Context, address string) error {
	network, where, ok := strings.Cut(address, "://")
	if !ok || network != "unix" && network != "tcp" {
		return nil
	}
	dialer := net.Dialer{Timeout: dialTime}
	conn, err := dialer.DialContext(ctx, network, where)
	if err != nil {
		return &EngineError{Address: address, Err: err}
	}
	return conn.Close()
}

// pause is the time between two looks at a running engine, and lives how many of
// them may fail: a busy engine misses one.
const (
	pause = 2 * time.Second
	lives = 3
)

// ping ends the work when the engine has gone.
func (e *Engine) ping(ctx context.Context, lost context.CancelCauseFunc) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for failed := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := Dial(ctx, e.options.Address)
		if err == nil {
			failed = 0
			continue
		}
		if failed++; failed == lives {
			e.lost.Store(true)
			lost(&EngineError{Address: e.options.Address, Lost: true, Err: err})
			return
		}
	}
}

// An EngineError says that there is no engine, or none any more.
type EngineError struct {
	Address string // empty: Dagger was to find one
	Lost    bool   // there was one when the run began
	Err     error
}

// Ways are the three ways to get an engine.
const Ways = `get one in one of three ways:
  Docker or Podman   start it; Dagger fetches its engine and runs it there
  no Docker          as root on Debian: ci/engine/engine start
  elsewhere          set _EXPERIMENTAL_DAGGER_RUNNER_HOST to its address: unix://, tcp://, ssh://, kube-pod://
or run without containers: --runner process`

func (e *EngineError) Error() string {
	at := ""
	if e.Address != "" {
		at = " at " + e.Address
	}
	if e.Lost {
		return fmt.Sprintf("the container engine%s was lost: %v; start it again, or another one, and run the same command: it goes on where it was", at, e.Err)
	}
	if why := refused(e.Err); why != "" {
		return fmt.Sprintf("no container engine answers%s: %v; %s\nor %s", at, e.Err, why, Ways)
	}
	return fmt.Sprintf("no container engine answers%s: %v; %s", at, e.Err, Ways)
}

func (e *EngineError) Unwrap() error { return e.Err }
