package ci

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/releases"
)

var kills = flag.Int("kills", 8, "runs that TestKilledRun kills")

// TestKilledRun kills runs at random moments. Whenever that is, the target is
// the old repository or the new one, whole, and the next run ends well.
func TestKilledRun(t *testing.T) {
	t.Parallel()
	needInstall(t)
	if testing.Short() {
		t.Skip("-short: this runs the whole pipeline many times")
	}
	r := newRehearsal(t)
	start := time.Now()
	r.complete(0)
	whole := time.Since(start)
	seed := uint64(start.UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d, a run takes about %v", seed, whole)
	for day := 1; day <= *kills; day++ {
		moment := time.Duration(random.Int64N(int64(whole)))
		finished := r.killed(day, moment)
		snapshots := r.check()
		if snapshots[0] != r.snapshot(day) && snapshots[0] != r.snapshot(day-1) {
			t.Fatalf("killed after %v: the newest night is %s", moment, snapshots[0])
		}
		t.Logf("day %d: killed after %v, finished before: %v, newest night then: %s", day, moment, finished, snapshots[0])
		r.complete(day)
		if snapshots := r.check(); snapshots[0] != r.snapshot(day) {
			t.Fatalf("the next run did not publish %s: %v", r.snapshot(day), snapshots)
		}
	}
}

// A rehearsal runs the program again and again on one store and one target, a
// day a run.
type rehearsal struct {
	t       *testing.T
	program string
	dir     string
	plan    *releases.Plan
}

func newRehearsal(t *testing.T) *rehearsal {
	program, err := exec.LookPath("mageos-nightly") // see TestMain
	if err != nil {
		t.Fatal(err)
	}
	r := &rehearsal{t: t, dir: t.TempDir(), program: program}
	file := filepath.Join(r.dir, "plan.json")
	if out, err := r.command(context.Background(), "plan", "--line", "sample", "--out", file).CombinedOutput(); err != nil {
		t.Fatalf("plan: %v\n%s", err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if r.plan, err = releases.ParsePlan(data); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rehearsal) target() string { return filepath.Join(r.dir, "repository") }

func (r *rehearsal) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.program, args...)
	cmd.Env = append(os.Environ(), "NIGHTLY_STORE="+filepath.Join(r.dir, "store"), "COMPOSER_ALLOW_SUPERUSER=1", "NIGHTLY_RUNNER=process")
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

func (r *rehearsal) snapshot(day int) string {
	return time.Date(2026, 1, 1+day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

// run is the command that builds and publishes the night of a day.
func (r *rehearsal) run(ctx context.Context, day int) *exec.Cmd {
	plan := *r.plan
	plan.Date = r.snapshot(day)
	data, err := plan.Encode()
	if err != nil {
		r.t.Fatal(err)
	}
	file := filepath.Join(r.dir, "plan-"+plan.Date+".json")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		r.t.Fatal(err)
	}
	return r.command(ctx, "nightly", "--plan", file, "--to", r.target())
}

func (r *rehearsal) complete(day int) {
	r.t.Helper()
	if out, err := r.run(context.Background(), day).CombinedOutput(); err != nil {
		r.t.Fatalf("day %d: %v\n%s", day, err, out)
	}
}

// killed starts the run of a day, kills it after a while, and reports whether
// it had ended before.
func (r *rehearsal) killed(day int, after time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), after)
	defer cancel()
	return r.run(ctx, day).Run() == nil
}

// check reads the target as Composer does: every version of every package must
// be there, with the bytes that the metadata promises. It returns the nights,
// newest first.
func (r *rehearsal) check() []string {
	r.t.Helper()
	var entry struct {
		MetadataURL string   `json:"metadata-url"`
		Available   []string `json:"available-packages"`
	}
	r.decode(stripHost(r.plan.Line.URL, "packages.json"), &entry)
	if len(entry.Available) == 0 {
		r.t.Fatal("packages.json names no packages")
	}
	for _, name := range entry.Available {
		r.checkPackage(stripHost(r.plan.Line.URL, strings.ReplaceAll(entry.MetadataURL, "%package%", name)), name)
	}
	dirs, err := os.ReadDir(filepath.Join(r.target(), "nights"))
	if err != nil {
		r.t.Fatal(err)
	}
	var snapshots []string
	for _, d := range dirs {
		if !strings.HasPrefix(d.Name(), ".") {
			snapshots = append([]string{d.Name()}, snapshots...)
		}
	}
	return snapshots
}

func (r *rehearsal) checkPackage(metadata, name string) {
	r.t.Helper()
	var versions struct {
		Packages map[string][]struct {
			Version string `json:"version"`
			Dist    *struct {
				URL    string `json:"url"`
				SHASum string `json:"shasum"`
			} `json:"dist"`
		} `json:"packages"`
	}
	r.decode(metadata, &versions)
	if len(versions.Packages[name]) == 0 {
		r.t.Fatalf("%s has no version of %s", metadata, name)
	}
	for _, v := range versions.Packages[name] {
		if v.Dist == nil {
			continue
		}
		data, err := os.ReadFile(filepath.Join(r.target(), stripHost(r.plan.Line.URL, v.Dist.URL)))
		if err != nil {
			r.t.Fatalf("%s %s: %v", name, v.Version, err)
		}
		if sum := sha1.Sum(data); hex.EncodeToString(sum[:]) != v.Dist.SHASum {
			r.t.Fatalf("%s %s: the dist's SHA-1 is %x, the metadata says %s", name, v.Version, sum, v.Dist.SHASum)
		}
	}
}

func (r *rehearsal) decode(path string, into any) {
	r.t.Helper()
	data, err := os.ReadFile(filepath.Join(r.target(), filepath.FromSlash(path)))
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		r.t.Fatal(fmt.Errorf("read %s: %w", path, err))
	}
}

// stripHost turns an absolute URL below base into a path of the target.
func stripHost(base, address string) string {
	return strings.ReplaceAll(strings.TrimPrefix(address, base), "%2B", "+")
}
