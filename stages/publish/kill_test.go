package publish

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/trust/trusttest"
)

// helperOrder makes the test binary a helper that publishes, and writes one line
// for each step that it did.
const helperOrder = "PUBLISH_HELPER_ORDER"

// An order is what a helper is to do, as JSON.
type order struct {
	To, URL          string
	Snapshot         releases.SnapshotName
	Keys, KnownHosts []string // for sftp
	Limit            uint64   // bytes that a file may have; 0: any
	Trust            string   // folder of who signs; empty: nobody
	From             string   // URL of what is copied; empty: the snapshot is published
}

func TestHelperProcess(t *testing.T) {
	text := os.Getenv(helperOrder)
	if text == "" {
		t.Skip("is the process that other tests start and kill")
	}
	var job order
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		t.Fatal(err)
	}
	if job.Limit > 0 {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: job.Limit, Max: job.Limit}); err != nil {
			t.Fatal(err)
		}
	}
	store := newMemory()
	snapshot := sample{name: job.Snapshot, modules: helperModules}.build(t, store)
	step := func() { _, _ = io.WriteString(os.Stdout, "step\n") } // nobody may be listening any more
	o := options(t, store, snapshot.Name)
	o.Changed, o.Progress = func(FileChange) { step() }, func(pipeline.Step) { step() }
	if job.Trust != "" {
		o.Trust, o.Attest = trusttest.Read(t, job.Trust), &attest.Options{}
	}
	o.Target.SSH = remote.SSH{Keys: job.Keys, KnownHosts: job.KnownHosts}
	var err error
	if job.From != "" {
		_, err = o.Copy(t.Context(), copyOf(t, job.From, o.Trust, job.To))
	} else {
		_, err = Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: snapshot, To: job.To, URL: job.URL, Keep: helperKeep})
	}
	if err != nil {
		t.Fatal(err)
	}
}

const (
	helperModules = 3
	helperKeep    = 2
)

func helper(t *testing.T, job order) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelperProcess$", "-test.v=false")
	cmd.Env = append(os.Environ(), helperOrder+"="+string(text))
	return cmd
}

// A run that is killed at any moment leaves the old or the new repository whole,
// and the next run ends well. The moments are so many lines into what the run
// tells of itself, and then however far it comes until the signal is there.
func TestPublishKilled(t *testing.T) {
	t.Parallel()
	const kills = 50
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(20261124, 50))
	lines, old := 100, releases.SnapshotName("")
	killed, switched := 0, 0
	for i := range kills {
		snapshot := releases.SnapshotName(fmt.Sprintf("2026-%02d-%02d", 1+i/28, 1+i%28))
		if killAfter(t, helper(t, order{To: dir, Snapshot: snapshot}), random.IntN(lines)) {
			killed++
		}
		s, err := switchOf(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist) && old == "":
			// nothing was published before, and nothing is now
		case err != nil:
			t.Fatalf("night %s killed: %v", snapshot, err)
		default:
			if err := whole(dir); err != nil {
				t.Fatalf("night %s killed: %v", snapshot, err)
			}
			if s.Nightly.Snapshots[0] == snapshot {
				switched++
			} else if s.Nightly.Snapshots[0] != old {
				t.Fatalf("night %s killed: the newest is %s, not %s", snapshot, s.Nightly.Snapshots[0], old)
			}
		}
		mustPublish(t, sample{name: snapshot, modules: helperModules}, dir, func(r *stages.PublishRequest) { r.Keep = helperKeep })
		if err := errors.Join(whole(dir), noLeftovers(t.Context(), folderTarget(dir), helperKeep+2), noTemporaries(dir)); err != nil {
			t.Fatalf("the run after %s was killed: %v", snapshot, err)
		}
		old = snapshot
		if i == 3 { // by now there is something to remove in each run
			lines = countLines(t, dir)
		}
	}
	t.Logf("%d of %d runs killed, %d of them after the switch", killed, kills, switched)
	if killed < kills/2 || switched == 0 || switched == kills {
		t.Errorf("%d runs killed, %d after the switch: the moments do not cover the run", killed, switched)
	}
}

// killAfter lets a helper write so many lines and then kills it; it reports
// whether it was still running.
func killAfter(t *testing.T, cmd *exec.Cmd, lines int) bool {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	for in := bufio.NewReaderSize(out, 16); lines > 0; lines-- {
		if _, err := in.ReadString('\n'); err != nil {
			break
		}
	}
	_ = cmd.Process.Kill() // it may have ended
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) && exit.Exited() {
		t.Fatalf("the helper failed: %v", err)
	}
	return !cmd.ProcessState.Success()
}

// countLines is how many lines a whole run writes.
func countLines(t *testing.T, dir string) int {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	out, err := helper(t, order{To: copied, Snapshot: "2026-12-31"}).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.Count(string(out), "\n")
}

func noTemporaries(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, tempDir)); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("temporaries: %v", err)
	}
	return nil
}

// A disk that takes no more bytes fails the run and leaves the repository. A
// limit on the size of a file stands for it, as that needs no file system of its
// own.
func TestPublishDiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustPublish(t, sample{name: "2026-11-23", modules: helperModules}, dir, nil)
	before := listing(t, dir)
	for _, limit := range []uint64{10, 600, 1500, 5000} {
		out, err := helper(t, order{To: dir, Snapshot: "2026-11-24", Limit: limit}).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "file too large") {
			t.Errorf("limit %d: %v\n%s", limit, err, out)
		}
		if err := whole(dir); err != nil {
			t.Errorf("limit %d: %v", limit, err)
		}
		after := listing(t, dir)
		for name, sum := range before {
			if after[name] != sum {
				t.Errorf("limit %d: %s changed", limit, name)
			}
		}
	}
	for _, next := range []struct{ publish, resolves string }{
		{"2026-11-25", "[2026-11-25 2026-11-23]"}, // the night that failed is not there
		{"2026-11-24", "[2026-11-25 2026-11-24 2026-11-23]"},
	} {
		mustPublish(t, sample{name: releases.SnapshotName(next.publish), modules: helperModules}, dir, nil)
		s, errSwitch := switchOf(dir)
		if err := errors.Join(errSwitch, whole(dir)); err != nil || fmt.Sprint(s.Nightly.Snapshots) != next.resolves {
			t.Errorf("%v is resolved, want %s: %v", s.Nightly.Snapshots, next.resolves, err)
		}
	}
}
