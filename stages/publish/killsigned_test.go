package publish

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
	"github.com/mage-os/nightly/stages/trust/trusttest"
)

var signedKills = flag.Int("signed-kills", 25, "how many publishes TestSignedPublishKilled kills")

// A signedClient installs from a folder again and again as a client of The Update Framework does, with a memory.
type signedClient struct {
	dir, memory string
	root        []byte

	installed, waited int
	since             time.Time // it has to wait; zero: it has not
	longest           time.Duration
}

// install reads the whole newest state. What it has taken packages.json of, has to be whole: an error says what is
// not. Where packages.json is not what was signed, it waits.
func (c *signedClient) install(ctx context.Context) error {
	at := folderTarget(c.dir)
	r, err := trust.Open(ctx, at, trust.ClientOptions{Root: c.root, Memory: c.memory, Now: trusttest.Made})
	if err != nil {
		return fmt.Errorf("the client refuses the metadata: %w", err)
	}
	read := func(name, as string) ([]byte, error) {
		data, err := target.Read(ctx, at, name)
		if err != nil {
			return nil, err
		}
		if f := r.Target(as); f == nil || trust.Sum(f) != pipeline.DigestOf(data) {
			return nil, fmt.Errorf("%s is not what was signed as %s", name, as)
		}
		return data, nil
	}
	data, err := read(stages.PackagesFile, stages.PackagesFile)
	if err != nil {
		c.waited++
		if c.since.IsZero() {
			c.since = time.Now()
		}
		return nil
	}
	if !c.since.IsZero() {
		c.longest, c.since = max(c.longest, time.Since(c.since)), time.Time{}
	}
	_, folder, _ := strings.Cut(string(data), testURL+metaDir+"/")
	folder = folder[:64]
	data, err = read(path.Join(metaDir, folder, releases.IndexName), path.Join(metaDir, folder, releases.IndexName))
	if err != nil {
		return err
	}
	index, err := releases.ParseIndex(data)
	if err != nil {
		return err
	}
	for _, file := range index.Files {
		name := path.Join(metaDir, folder, file.Name+".json")
		if _, err := read(name, name); err != nil {
			return err
		}
		for _, v := range file.Versions {
			as, err := trust.DistTarget(packageOf(file.Name), v.Version)
			if err == nil {
				_, err = read(stages.DistPath(packageOf(file.Name), v.Version), as)
			}
			if err != nil {
				return err
			}
		}
	}
	c.installed++
	return nil
}

// Publishes that are killed at any moment, while a client installs: it never takes what is mixed, and the next run heals.
func TestSignedPublishKilled(t *testing.T) {
	t.Parallel()
	dir, folder := t.TempDir(), trusttest.Folder(t, testURL)
	by := trusttest.Read(t, folder)
	publish := func(name releases.SnapshotName) {
		t.Helper()
		store := newMemory()
		o := options(t, store, name)
		o.Trust, o.Attest = by, &attest.Options{}
		if _, err := Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: sample{name: name, modules: helperModules}.build(t, store), To: dir, Keep: helperKeep}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	night := func(i int) releases.SnapshotName {
		return releases.SnapshotName(dayOf("2026-10-01").AddDate(0, 0, i).Format(time.DateOnly))
	}
	publish(night(0))
	first := by.Files()["1.root.json"]
	runs, rests := &signedClient{dir: dir, memory: t.TempDir(), root: first}, &signedClient{dir: dir, memory: t.TempDir(), root: first}
	ctx, stop := context.WithCancel(t.Context())
	var client sync.WaitGroup
	client.Go(func() {
		for ctx.Err() == nil {
			if err := runs.install(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	random, killed, healed := rand.New(rand.NewPCG(20261124, 19)), 0, 0
	for i := range *signedKills {
		if killAfter(t, helper(t, order{To: dir, Snapshot: night(i + 1), Trust: folder}), random.IntN(110)) {
			killed++
		}
		waited := rests.waited
		if err := rests.install(t.Context()); err != nil {
			t.Fatalf("%s killed: %v", night(i+1), err)
		}
		if rests.waited > waited {
			healed++
		}
		publish(night(i + 1))
		if rests.waited = waited; rests.install(t.Context()) != nil || rests.waited > waited {
			t.Fatalf("the run after %s was killed did not heal it", night(i+1))
		}
	}
	stop()
	client.Wait()
	t.Logf("%d of %d publishes killed, %d of them between packages.json and timestamp; %d installations, %d that had to wait, %v at most",
		killed, *signedKills, healed, runs.installed, runs.waited, runs.longest)
	if runs.installed == 0 {
		t.Error("the client never installed")
	}
}
