package publish

import (
	"context"
	"errors"
	"flag"
	"io/fs"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish/target"
)

var copyKills = flag.Int("copy-kills", 4, "copies that TestCopyKilled kills at each target")

// Whenever a copy is killed, at whatever target: it is the state of before or the new one, whole, a client under way takes
// nothing mixed, and the same command ends it, without asking again for the zips that are there.
func TestCopyKilled(t *testing.T) {
	for name, start := range spots {
		t.Run(name, func(t *testing.T) { killCopies(t, start(t)) })
	}
}

func killCopies(t *testing.T, p spot) {
	if p.doomed == "" {
		p.doomed, p.doomedLogin = p.url, p.login
	}
	w, random := startWeb(t, true), rand.New(rand.NewPCG(20261124, 6))
	var client *signedClient
	stop, ended := func() {}, sync.WaitGroup{}
	killed, switched, lines := 0, 0, 120
	for i := range *copyKills {
		night := releases.SnapshotName(time.Date(2026, 10, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
		w.publish(t, night)
		if killAfter(t, helper(t, order{To: p.doomed, From: w.url, Trust: w.trust, Snapshot: night, Keys: p.doomedLogin.Keys, KnownHosts: p.doomedLogin.KnownHosts}), random.IntN(lines)) {
			killed++
		}
		p.idle()
		at := p.open(t)
		s, err := readSwitch(t.Context(), at)
		if err == nil {
			err = wholeTarget(t.Context(), at)
		}
		if err != nil && (i > 0 || !errors.Is(err, fs.ErrNotExist)) {
			t.Fatalf("%s killed: %v", night, err)
		}
		if slices.Contains(s.Nightly.Snapshots, night) {
			switched++
		}
		lines = 2 * copyAgain(t, w, p, night)
		if dir, ok := target.Folder(p.url); ok && client == nil {
			client = &signedClient{dir: dir, memory: t.TempDir(), root: w.by.Files()["1.root.json"]}
			var ctx context.Context
			ctx, stop = context.WithCancel(t.Context())
			ended.Go(func() {
				for ctx.Err() == nil {
					if err := client.install(ctx); err != nil && ctx.Err() == nil {
						t.Error(err)
					}
				}
			})
		}
	}
	stop()
	ended.Wait()
	t.Logf("%d of %d copies killed, %d of them after the switch", killed, *copyKills, switched)
	if client != nil {
		t.Logf("%d installations, %d that had to wait, %v at most", client.installed, client.waited, client.longest)
	}
}

// copyAgain copies to the end, and gives how many files that looked at.
func copyAgain(t *testing.T, w *web, p spot, night releases.SnapshotName) int {
	t.Helper()
	at := p.open(t)
	dists, err := target.Files(t.Context(), at, "dists")
	if err != nil {
		t.Fatal(err)
	}
	w.forget()
	o := options(t, nil, night)
	o.Target = p.options()
	done, err := o.Copy(t.Context(), w.copyTo(t, p.url))
	if err != nil {
		t.Fatalf("the copy after %s was killed: %v", night, err)
	}
	for _, name := range w.forget() {
		if slices.Contains(dists, name) {
			t.Errorf("%s is asked for again", name)
		}
	}
	if err := errors.Join(wholeTarget(t.Context(), at), noLeftovers(t.Context(), at, helperKeep+2)); err != nil || done.Snapshot != night {
		t.Fatalf("the copy after %s was killed: the newest is %s: %v", night, done.Snapshot, err)
	}
	return done.Added + done.Unchanged
}
