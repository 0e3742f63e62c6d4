package publish

import (
	"context"
	"errors"
	"flag"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/publish/target/targettest"
)

var (
	kills   = flag.Int("kills", 5, "runs that TestPublishKilledWithClients kills at each target")
	clients = flag.Int("clients", 1, "clients of each target that install meanwhile")
)

// A spot is a target of a kind, and how to wait until a killed run's last request
// has been worked on.
type spot struct {
	url   string
	login remote.SSH
	idle  func()
	// doomed is how the runs that are killed reach it, if not as all others.
	doomed      string
	doomedLogin remote.SSH
}

func (p spot) open(t *testing.T) target.Target {
	t.Helper()
	at, err := target.Open(t.Context(), p.url, p.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = at.Close() }) // only to look
	return at
}

// options wait for a holder that is dead not as long as for one that may live.
func (p spot) options() target.Options {
	return target.Options{SSH: p.login, Wait: func(ctx context.Context, d time.Duration) error {
		if d == target.DefaultLease/6 {
			d = time.Millisecond
		}
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
}

// spots are one of each kind. The S3 server is a real one where there is one.
var spots = map[string]func(*testing.T) spot{
	"folder": func(t *testing.T) spot { return spot{url: t.TempDir(), idle: func() {}} },
	"sftp": func(t *testing.T) spot {
		server, doomed, dir := targettest.StartSSH(t), targettest.StartSSH(t), t.TempDir()
		return spot{url: server.URL(dir), login: server.Login, doomed: doomed.URL(dir), doomedLogin: doomed.Login, idle: doomed.Idle}
	},
	"s3": func(t *testing.T) spot {
		var flights targettest.Flights
		return spot{url: targettest.StartS3Behind(t, flights.Before), idle: flights.Idle}
	},
	"real s3": func(t *testing.T) spot {
		var flights targettest.Flights
		return spot{url: targettest.StartRealS3(t, flights.Before), idle: flights.Idle}
	},
}

// Whenever a run is killed, at whatever target: whoever installs meanwhile gets one
// night, no night that is kept is lost, and the same command again ends well.
func TestPublishKilledWithClients(t *testing.T) {
	for name, start := range spots {
		t.Run(name, func(t *testing.T) { killWithClients(t, start(t)) })
	}
}

func killWithClients(t *testing.T, p spot) {
	r := &killing{place: p, installs: startClients(t, p)}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	lines := 100 // of a run
	began := time.Now()
	for i := range *kills {
		snapshot := releases.SnapshotName(time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
		if killAfter(t, helper(t, r.order(snapshot)), random.IntN(lines)) {
			r.killed++
		}
		p.idle()
		r.check(t, snapshot)
		lines = r.again(t, snapshot)
		r.installs.wait(t)
	}
	t.Logf("seed %d: %d of %d runs killed, %d of them after the switch; %d installations meanwhile, %d failed; %v",
		seed, r.killed, *kills, r.switched, r.installs.count(), r.installs.failures(), time.Since(began).Round(time.Second))
}

// A killing is what is known of a target at which runs are killed.
type killing struct {
	place            spot
	installs         *installs
	old              releases.SnapshotName // the night that was there before
	killed, switched int
}

func (r *killing) order(snapshot releases.SnapshotName) order {
	p := r.place
	if p.doomed == "" {
		p.doomed, p.doomedLogin = p.url, p.login
	}
	return order{To: p.doomed, Snapshot: snapshot, URL: r.installs.url, Keys: p.doomedLogin.Keys, KnownHosts: p.doomedLogin.KnownHosts}
}

// check looks at the target after a run was killed: it is the old repository or the
// new one, whole.
func (r *killing) check(t *testing.T, snapshot releases.SnapshotName) {
	t.Helper()
	at := r.place.open(t)
	s, err := readSwitch(t.Context(), at)
	if errors.Is(err, fs.ErrNotExist) && r.old == "" {
		return
	}
	if err == nil {
		err = wholeTarget(t.Context(), at)
	}
	if err != nil {
		t.Fatalf("night %s killed: %v", snapshot, err)
	}
	switch newest := s.Nightly.Snapshots[0]; {
	case newest == snapshot:
		r.switched++
	case newest != r.old:
		t.Fatalf("night %s killed: the newest is %s, not %s", snapshot, newest, r.old)
	}
	if r.old != "" && !slices.Contains(s.Nightly.Snapshots, r.old) {
		t.Fatalf("night %s killed: %s is lost, there are %v", snapshot, r.old, s.Nightly.Snapshots)
	}
}

// again publishes the night to the end, and gives how many steps that were.
func (r *killing) again(t *testing.T, snapshot releases.SnapshotName) int {
	t.Helper()
	store := newMemory()
	n := sample{name: snapshot, modules: helperModules}.build(t, store)
	o := options(t, store, snapshot)
	o.Target = r.place.options()
	p, err := Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: n, To: r.place.url, URL: r.installs.url, Keep: helperKeep})
	if err != nil {
		t.Fatalf("the run after %s was killed: %v", snapshot, err)
	}
	at := r.place.open(t)
	err = errors.Join(wholeTarget(t.Context(), at), noLeftovers(t.Context(), at, helperKeep+2))
	if dir, ok := target.Folder(r.place.url); ok {
		err = errors.Join(err, noTemporaries(filepath.Clean(dir)))
	}
	if p.Snapshot != snapshot || err != nil {
		t.Fatalf("the run after %s was killed: the newest is %s: %v", snapshot, p.Snapshot, err)
	}
	r.old = snapshot
	return 2 * (p.Added + p.Unchanged) // each is looked at and written
}
