package container

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dagger.io/dagger"
	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
)

func TestDial(t *testing.T) {
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dead := filepath.Join(t.TempDir(), "dead")
	old, err := net.Listen("unix", dead)
	if err != nil {
		t.Fatal(err)
	}
	old.(*net.UnixListener).SetUnlinkOnClose(false)
	old.Close()
	for _, test := range []struct {
		name, address string
		answers       bool
	}{
		{"a socket", "unix://" + listener.Addr().String(), true},
		{"a socket that nobody serves", "unix://" + dead, false},
		{"no socket", "unix://" + dead + "-not", false},
		{"a closed port", "tcp://127.0.0.1:1", false},
		{"left to Connect", "kube-pod://dagger-engine-0?namespace=dagger", true},
		{"left to Dagger", "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := Dial(t.Context(), test.address)
			if test.answers != (err == nil) {
				t.Fatalf("%v", err)
			}
			var missing *EngineError
			if err != nil && (!errors.As(err, &missing) || !strings.Contains(err.Error(), test.address)) {
				t.Errorf("%v; want an *EngineError that names the address", err)
			}
		})
	}
}

// TestNoEngine: the message names the ways to get an engine, once.
func TestNoEngine(t *testing.T) {
	_, err := Connect(t.Context(), Options{Address: "unix:///nonexistent/engine.sock", Dir: t.TempDir()})
	if err == nil {
		t.Fatal("connected to nothing")
	}
	for _, want := range []string{"unix:///nonexistent/engine.sock", "Docker or Podman", "ci/engine/engine start", "_EXPERIMENTAL_DAGGER_RUNNER_HOST", "--runner process"} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("%q does not stand once in:\n%v", want, err)
		}
	}
}

func TestEvents(t *testing.T) {
	var steps []pipeline.Step
	var raw, log bytes.Buffer
	e := &Engine{options: Options{
		Raw: &raw, Progress: func(s pipeline.Step) { steps = append(steps, s) },
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	}}
	var inside bytes.Buffer
	told := 0
	progress, logger := Events(&inside, func() bool { told++; return told == 1 })
	first := pipeline.Step{Stage: "build", Item: `a | "b"`, Done: 1, Total: 3, Unit: "packages"}
	last := pipeline.Step{Stage: "build", Item: "c", Done: 3, Total: 3, Unit: "packages"}
	progress(first)
	progress(pipeline.Step{Stage: "build", Item: "too soon", Done: 2, Total: 3})
	progress(last)
	logger.Debug("not told")
	logger.Warn("a warning", slog.String("package", "acme/one"))
	var lines strings.Builder
	for line := range strings.Lines(inside.String()) {
		lines.WriteString("12  : ┆ [0.9s] | " + line)
	}
	lines.WriteString("12  : ┆ [0.9s] | something else\n12 : " + stepMark + "{broken\n")
	// In pieces, as pipes give it.
	w := &logWriter{options: e.options}
	for text := lines.String(); text != ""; text = text[min(7, len(text)):] {
		if _, err := io.WriteString(w, text[:min(7, len(text))]); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]pipeline.Step{first, last}, steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if raw.String() != lines.String() {
		t.Errorf("the raw log is not whole:\n%s", raw.String())
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `level=WARN msg="a warning" package=acme/one`) {
		t.Errorf("log: %s", got)
	}
}

// TestSentFile: what a failed container sent comes with its error, whole: files and each problem.
func TestSentFile(t *testing.T) {
	want := map[string]string{"cell/report.md": "", "cell/installation.json": strings.Repeat("a\x00\n\xff", 9000)}
	var stdout bytes.Buffer
	for name, data := range want {
		SendFile(&stdout, name, []byte(data))
	}
	got := map[string]string{}
	e := &Engine{options: Options{File: func(name string, data []byte) { got[name] = string(data) }}}
	problems := []string{"first\nof two lines", "second"}
	SendProblems(&stdout, problems)
	err := e.failed(step{Stage: "install"}, &dagger.ExecError{Stdout: "said before\n" + stdout.String(), Stderr: "all of that as text"})
	var failed *ExecError
	if !errors.As(err, &failed) || !slices.Equal(failed.Problems, problems) || err.Error() != "first\nof two lines\nsecond" {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" || err == nil {
		t.Errorf("files (-want +got), %v:\n%s", err, diff)
	}
}

func TestRepository(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skipf("no git on this machine: %v", err)
	}
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q", "clone")
	git("-C", "clone", "commit", "-q", "--allow-empty", "-m", "one")
	git("clone", "-q", "--bare", "clone", "bare")
	git("clone", "-q", "--shared", "bare", "shared")
	git("-C", "clone", "worktree", "add", "-q", "../linked")
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		want []string // the mounted folders
		err  string
	}{
		{"clone", []string{"clone/.git"}, ""},
		{"bare", []string{"bare"}, ""},
		{"shared", []string{"shared/.git", "bare/objects"}, ""},
		{"linked", nil, "linked work tree"},
		{"empty", nil, "no git repository"},
		{"nothing", nil, "no git repository"},
	} {
		t.Run(test.name, func(t *testing.T) {
			folders, err := Repository(filepath.Join(dir, test.name))
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("%v; want an error with %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range folders {
				path, err := filepath.Rel(dir, f.Path)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, path)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := Repository("relative"); err == nil {
		t.Error("a relative path was taken")
	}
}

// TestOneVersion: library and engine are of one version, which stands in go.mod and in the
// module of the engine, and nowhere else.
func TestOneVersion(t *testing.T) {
	for file, module := range map[string]string{
		"../../go.mod": "dagger.io/dagger ", "../../ci/engine/go.mod": "github.com/dagger/dagger ", "../../dagger.json": `"engineVersion": "`,
	} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(regexp.QuoteMeta(module+Version) + `\b`).Match(data) {
			t.Errorf("%s has another version than %s: ci/engine/engine move %s", file, Version, Version)
		}
	}
	named := regexp.MustCompile(regexp.QuoteMeta(Version[1:]) + `\b`)
	err := fs.WalkDir(os.DirFS("../.."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains([]string{".go", ".md", ".yml", ".yaml", ".sh", ".txtar", ""}, filepath.Ext(path)) || strings.HasPrefix(path, ".git/") {
			return err
		}
		data, err := os.ReadFile(filepath.Join("../..", path))
		if named.Match(data) {
			t.Errorf("%s names Dagger's version: it has to come from go.mod", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestSecretDoesNotPrint(t *testing.T) {
	s := Secret{Name: "TOKEN", Value: "canary"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("a secret", "secret", s)
	if text := log.String() + s.String(); strings.Contains(text, "canary") {
		t.Error(text)
	}
}

func TestDigests(t *testing.T) {
	d := pipeline.DigestOf(nil)
	data := []byte(`{"a":[{"digest":"` + string(d) + `","files":1}],"b":{"c":{"digest":"no digest"}},"digest":3}`)
	if diff := cmp.Diff([]pipeline.Digest{d}, digests(data)); diff != "" {
		t.Error(diff)
	}
}

// A step did not make the trees that it was given: else it would be run for ever to make
// its own input.
func TestHandedOn(t *testing.T) {
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e := &Engine{options: Options{Results: s.Results(), Store: s}, places: map[pipeline.Digest]*dagger.Directory{}}
	given, made := pipeline.Tree{Digest: pipeline.DigestOf([]byte("given"))}, pipeline.Tree{Digest: pipeline.DigestOf([]byte("made"))}
	if err := e.save(t.Context(), step{Stage: "checkout", Trees: []pipeline.Tree{given}}, []byte("{}"), []pipeline.Tree{given, made}, &dagger.Directory{}); err != nil {
		t.Fatal(err)
	}
	e.places = map[pipeline.Digest]*dagger.Directory{}
	if err := e.check(t.Context(), given); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the tree that was given is made by its own step: %v", err)
	}
	if err := e.check(t.Context(), made); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a tree can be made without what it is made of: %v", err)
	}
	empty, err := s.Save(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.save(t.Context(), step{Stage: "checkout", Trees: []pipeline.Tree{empty}}, []byte("{}"), []pipeline.Tree{empty, made}, &dagger.Directory{}); err != nil {
		t.Fatal(err)
	}
	e.places = map[pipeline.Digest]*dagger.Directory{}
	if err := e.check(t.Context(), made); err != nil {
		t.Errorf("a tree cannot be made of what this machine has: %v", err)
	}
}
