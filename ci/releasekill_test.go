package ci

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases/github/fake"
)

// helperRelease makes the test binary a release that says each line on standard
// output and then waits for a byte before it goes on: so it can be killed at each.
const helperRelease = "CI_RELEASE_HELPER"

// A job is what the helper is to run.
type job struct {
	Args        []string
	Environment map[string]string
	Now         time.Time
}

// A halting writer waits behind each line until somebody lets it go on.
type halting struct {
	out io.Writer
	in  io.Reader
}

// Write implements io.Writer.
func (h halting) Write(p []byte) (int, error) {
	n, err := h.out.Write(p)
	if err == nil {
		_, err = io.ReadFull(h.in, make([]byte, 1))
	}
	return n, err
}

func TestReleaseHelper(t *testing.T) {
	text := os.Getenv(helperRelease)
	if text == "" {
		t.Skip("is the process that TestKilledRelease starts and kills")
	}
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		t.Fatal(err)
	}
	env := &factory{
		stdout: io.Discard, stderr: halting{os.Stdout, os.Stdin}, now: func() time.Time { return j.Now },
		getenv:  func(name string) string { return j.Environment[name] },
		environ: os.Environ,
		wait:    func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	root := newRoot(env)
	root.SetArgs(j.Args)
	os.Exit(exitCode(root.ExecuteContext(context.Background())))
}

// killed runs a release and kills it at its n-th line, or lets it end; it gives the
// lines.
func (m *manager) killed(n int) []string {
	m.t.Helper()
	data, err := json.Marshal(job{
		Args: []string{"release", "1.1.0", "--upstream", "2.1.0-p1", "--line", m.line, "--to", m.target(), "--github", sampleName, "--verbose"},
		Now:  m.now, Environment: m.environment(),
	})
	if err != nil {
		m.t.Fatal(err)
	}
	cmd := exec.CommandContext(m.t.Context(), os.Args[0], "-test.run=^TestReleaseHelper$")
	cmd.Env = append(os.Environ(), helperRelease+"="+string(data), "COMPOSER_ALLOW_SUPERUSER=1")
	in, errIn := cmd.StdinPipe()
	out, errOut := cmd.StdoutPipe()
	if errIn != nil || errOut != nil {
		m.t.Fatal(errIn, errOut)
	}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	var lines []string
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
		if len(lines) == n {
			if err := cmd.Process.Kill(); err != nil {
				m.t.Fatal(err)
			}
			break
		}
		if _, err := in.Write([]byte{'\n'}); err != nil {
			break // it has ended
		}
	}
	err = cmd.Wait()
	if n == 0 && err != nil {
		m.t.Fatalf("%v\n%s", err, strings.Join(lines, "\n"))
	}
	return lines
}

// A snapshot is all that a release leaves, but for what tells of its runs.
type snapshot struct {
	Refs   map[string]map[string]string
	Files  map[string]string
	GitHub []fake.Release
}

func (m *manager) snapshot() snapshot {
	files := m.files(m.target())
	maps.DeleteFunc(files, func(name, _ string) bool { return tellsOfRuns(name) })
	return snapshot{
		Refs:  map[string]map[string]string{"monorepo": m.refs("monorepo"), "extras": m.refs("extras")},
		Files: files, GitHub: m.onGitHub(),
	}
}

// TestKilledRelease kills a release behind each of its steps, the uploads of single assets among
// them, and repeats it, every
// other time as on another machine, a day later: then there is one release, one
// tag a repository, no second commit, and the same bytes.
func TestKilledRelease(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	m.killed(0)
	want := m.snapshot()
	m.wantOne(want)
	m.begin()
	// With its results in the store, as the runs to kill have them.
	lines := m.killed(0)
	if diff := cmp.Diff(want, m.snapshot()); diff != "" {
		t.Fatalf("the same release again is another one (-first +second):\n%s", diff)
	}
	for _, step := range []string{"plan ", "checkout ", "commit ", "branches ", "install ", "publish ", "tags ", "github "} {
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, step) }) {
			t.Errorf("no line tells of %s", step)
		}
	}
	assets := 0
	for _, line := range lines {
		if strings.Contains(line, "msg=written asset=") {
			assets++
		}
	}
	if len(want.GitHub) != 1 || assets != len(want.GitHub[0].Assets) {
		t.Errorf("%d lines tell of assets; the releases are %+v", assets, want.GitHub)
	}
	today := m.now
	points := 0
	for n := range lines {
		if !isStep(lines[:n+1]) {
			continue
		}
		points++
		m.now = today
		m.begin()
		m.killed(n + 1)
		m.orderly(lines[n])
		elsewhere := n%2 == 1 && m.refs("monorepo")["refs/heads/release/1.1.0"] != ""
		if elsewhere {
			if err := os.RemoveAll(filepath.Join(m.dir, "store", "plans")); err != nil {
				t.Fatal(err)
			}
		}
		if elsewhere || m.begun() {
			m.now = today.Add(24 * time.Hour)
		}
		m.released("1.1.0", "--upstream", "2.1.0-p1")
		if diff := cmp.Diff(want, m.snapshot()); diff != "" {
			t.Errorf("killed at %q and repeated (elsewhere: %v; -whole +repeated):\n%s", lines[n], elsewhere, diff)
		}
	}
	t.Logf("killed at %d of %d lines", points, len(lines))
}

// isStep says whether the last of these lines tells of a step that writes outside of
// the store, or that comes after such a one.
func isStep(lines []string) bool {
	last := lines[len(lines)-1]
	begun := slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "commit ") && strings.Contains(l, "done") })
	return begun && (!strings.HasPrefix(last, "time=") || strings.Contains(last, "msg=written"))
}

// begun reports whether this machine has kept the plan.
func (m *manager) begun() bool {
	_, err := os.Stat(filepath.Join(m.dir, "store", "plans", "sample-release-1.1.0-source.json"))
	return err == nil
}

// wantOne wants one commit more, one tag a repository and one draft.
func (m *manager) wantOne(s snapshot) {
	m.t.Helper()
	for name, refs := range s.Refs {
		if refs["refs/tags/1.1.0"] == "" || refs["refs/tags/1.1.0"] != refs["refs/heads/release/1.1.0"] || len(refs) != 5 {
			m.t.Errorf("refs of %s: %v", name, refs)
		}
	}
	if len(s.GitHub) != 1 || !s.GitHub[0].Draft || len(s.GitHub[0].Assets) < 3 {
		m.t.Errorf("releases on GitHub: %+v", s.GitHub)
	}
}

// orderly wants that nothing is said before it is true: no tag before the packages
// are published, and no release on GitHub before all tags are there.
func (m *manager) orderly(line string) {
	m.t.Helper()
	s := m.snapshot()
	tags := 0
	for _, refs := range s.Refs {
		if refs["refs/tags/1.1.0"] != "" {
			tags++
		}
	}
	if tags > 0 && s.Files["packages.json"] == "" {
		m.t.Errorf("at %q: there are tags, but no packages", line)
	}
	if len(s.GitHub) > 0 && tags != len(s.Refs) {
		m.t.Errorf("at %q: there is a release on GitHub, but there are only %d tags", line, tags)
	}
}
