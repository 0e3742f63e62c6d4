package container_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/container/testdata/stage/kinds"
	"github.com/mage-os/nightly/pipeline/store"
)

// A rig is a store and a session with the machine's engine.
type rig struct {
	t      *testing.T
	dir    string
	store  *store.Store
	engine *container.Engine
	raw    *buffer
	log    *buffer
	told   chan pipeline.Step
}

// A buffer can be written to while it is read.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// newRig connects to the engine that the environment names; tests without one
// are skipped.
func newRig(t *testing.T, change func(*container.Options)) *rig {
	t.Helper()
	address := os.Getenv("_EXPERIMENTAL_DAGGER_RUNNER_HOST")
	if address == "" {
		t.Skip("no container engine: _EXPERIMENTAL_DAGGER_RUNNER_HOST is not set (ci/engine/engine start prints it)")
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, dir: t.TempDir(), raw: &buffer{}, log: &buffer{}, told: make(chan pipeline.Step, 100)}
	if r.store, err = store.Open(filepath.Join(r.dir, "store")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.store.Close() })
	r.connect(address, path, change)
	return r
}

func (r *rig) connect(address, path string, change func(*container.Options)) {
	r.t.Helper()
	o := container.Options{
		Address: address, Store: r.store, Results: r.store.Results(), Dir: filepath.Join(r.dir, "inputs"),
		Program: func(context.Context, string) (string, error) { return path, nil },
		Raw:     r.raw, LogFile: filepath.Join(r.dir, "engine.log"), Log: slog.New(slog.NewTextHandler(r.log, nil)),
		Progress: func(s pipeline.Step) { r.told <- s },
	}
	if change != nil {
		change(&o)
	}
	engine, err := container.Connect(r.t.Context(), o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.engine = engine
	r.t.Cleanup(func() { engine.Close() })
}

// session opens another session with the same store.
func (r *rig) session(change func(*container.Options)) *rig {
	r.t.Helper()
	path, err := program()
	if err != nil {
		r.t.Fatal(err)
	}
	next := &rig{t: r.t, dir: r.dir, store: r.store, raw: &buffer{}, log: &buffer{}, told: make(chan pipeline.Step, 100)}
	next.connect(os.Getenv("_EXPERIMENTAL_DAGGER_RUNNER_HOST"), path, change)
	return next
}

func (r *rig) stage(name string) pipeline.Stage[kinds.In, kinds.Out] {
	return container.Remote(r.engine, pipeline.Stage[kinds.In, kinds.Out]{Name: "test-" + name, Version: 1}, nil)
}

func (r *rig) run(name string, in kinds.In) kinds.Out {
	r.t.Helper()
	out, err := r.stage(name).Run(r.t.Context(), in)
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.raw)
	}
	return out
}

// texts reads a tree through the engine's store.
func (r *rig) texts(tree pipeline.Tree) map[string]string {
	r.t.Helper()
	files, err := r.engine.Store().Files(r.t.Context(), tree)
	if err != nil {
		r.t.Fatal(err)
	}
	texts := map[string]string{}
	for _, f := range files {
		content, err := r.engine.Store().Open(r.t.Context(), f.Digest)
		if err != nil {
			r.t.Fatal(err)
		}
		data, err := io.ReadAll(content)
		if err := errors.Join(err, content.Close()); err != nil {
			r.t.Fatal(err)
		}
		texts[f.Path] = string(data)
	}
	return texts
}

func isHere(ctx context.Context, s *store.Store, tree pipeline.Tree) bool {
	return s.Check(ctx, tree) == nil
}

// TestEngineTrees: trees go from container to container, and come here only when
// somebody reads them here.
func TestEngineTrees(t *testing.T) {
	r := newRig(t, nil)
	one := r.run("make", kinds.In{Texts: map[string]string{"a": "alpha", "dir/b": "beta"}})
	two := r.run("make", kinds.In{Texts: map[string]string{"c": "gamma"}})
	joined := r.run("join", kinds.In{Trees: []pipeline.Tree{one.Tree, two.Tree}})
	for _, tree := range []pipeline.Tree{one.Tree, two.Tree, joined.Tree} {
		if isHere(t.Context(), r.store, tree) {
			t.Errorf("tree %v came here unasked", tree)
		}
		if err := r.engine.Store().(pipeline.Checker).Check(t.Context(), tree); err != nil {
			t.Errorf("tree %v counts as lost: %v", tree, err)
		}
	}
	want := map[string]string{"0/a": "alpha", "0/dir/b": "beta", "1/c": "gamma"}
	if diff := cmp.Diff(want, r.texts(joined.Tree)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !isHere(t.Context(), r.store, joined.Tree) || isHere(t.Context(), r.store, one.Tree) {
		t.Error("the read tree alone should be here now")
	}
}

// TestEngineLater: a later session knows nothing but the store; the step of a
// tree that it needs is evaluated again.
func TestEngineLater(t *testing.T) {
	fresh := func(o *container.Options) { o.Fresh = t.TempDir() }
	r := newRig(t, fresh)
	one := r.run("make", kinds.In{Texts: map[string]string{"a": "alpha"}})
	both := r.run("join", kinds.In{Trees: []pipeline.Tree{one.Tree}})
	if err := r.engine.Close(); err != nil {
		t.Fatal(err)
	}
	later := r.session(nil)
	again := later.run("join", kinds.In{Trees: []pipeline.Tree{both.Tree, one.Tree}})
	want := map[string]string{"0/0/a": "alpha", "1/a": "alpha"}
	if diff := cmp.Diff(want, later.texts(again.Tree)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	unknown := pipeline.Tree{Digest: pipeline.DigestOf([]byte("nobody made it"))}
	if err := later.engine.Store().(pipeline.Checker).Check(t.Context(), unknown); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a tree that nobody made: %v; want fs.ErrNotExist", err)
	}
	if _, err := later.stage("join").Run(t.Context(), kinds.In{Trees: []pipeline.Tree{unknown}}); err == nil || !strings.Contains(err.Error(), "--fresh") {
		t.Errorf("%v; want an error that says what to do", err)
	}
}

// TestEngineSends: a tree that a stage made in this process is sent.
func TestEngineSends(t *testing.T) {
	r := newRig(t, nil)
	d, size, err := r.store.Add(t.Context(), strings.NewReader("made here"))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := r.store.Save(t.Context(), []pipeline.File{{Path: "x", Mode: pipeline.Executable, Size: size, Digest: d}})
	if err != nil {
		t.Fatal(err)
	}
	joined := r.run("join", kinds.In{Trees: []pipeline.Tree{tree}})
	if diff := cmp.Diff(map[string]string{"0/x": "made here"}, r.texts(joined.Tree)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestEngineCache: a step runs once for each input, in every session, but with
// Fresh it runs anew.
func TestEngineCache(t *testing.T) {
	r := newRig(t, nil)
	in := kinds.In{Text: t.TempDir()} // an input that no run had before
	first := r.run("random", in)
	if again := r.session(nil).run("random", in); again != first {
		t.Error("another session ran the step again")
	}
	if other := r.run("random", kinds.In{Text: in.Text + "/other"}); other == first {
		t.Error("another input was taken for the same")
	}
	if fresh := r.session(func(o *container.Options) { o.Fresh = in.Text }).run("random", in); fresh == first {
		t.Error("a fresh run took the step from the cache")
	}
}

func TestEngineFailure(t *testing.T) {
	r := newRig(t, nil)
	_, err := r.stage("fail").Run(t.Context(), kinds.In{})
	var failed *container.ExecError
	if !errors.As(err, &failed) {
		t.Fatalf("%v; want an *ExecError", err)
	}
	if failed.Code != 3 || !slices.Equal(failed.Problems, []string{"the first problem", "the second one"}) {
		t.Errorf("code %d, %q", failed.Code, failed.Problems)
	}
	for _, want := range []string{"stage test-fail", "exit code 3", r.dir + "/engine.log", failed.Shell} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
	if _, err := r.stage("skip").Run(t.Context(), kinds.In{}); !errors.As(err, new(*pipeline.SkipError)) || !strings.Contains(err.Error(), "nothing new") {
		t.Errorf("%v; want a *SkipError with its reason", err)
	}
}

func TestEngineTells(t *testing.T) {
	r := newRig(t, nil)
	r.run("tell", kinds.In{Text: t.TempDir()})
	if err := r.engine.Close(); err != nil { // all of the log is here then
		t.Fatal(err)
	}
	want := pipeline.Step{Stage: "test-tell", Item: "a \"quoted\" | item", Done: 3, Total: 7, Unit: "items"}
	close(r.told)
	var got []pipeline.Step
	for s := range r.told {
		got = append(got, s)
	}
	if !slices.Contains(got, want) {
		t.Errorf("steps %v; want %v", got, want)
	}
	for _, want := range []string{"level=WARN", `msg="look here"`, "package=acme/one", "times=2"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("%s is not in the log: %s", want, r.log)
		}
	}
}

// TestEngineSecrets plants canaries and looks for them in all that was written.
func TestEngineSecrets(t *testing.T) {
	token, key := "canary-token-5d1f7a", "canary-key-line-1\ncanary-key-line-2\n"
	r := newRig(t, func(o *container.Options) {
		o.Secrets = []container.Secret{
			{Name: "TEST_TOKEN", Value: token, Stages: []string{"test-secret"}},
			{Name: "TEST_KEY", Value: key, File: true, Stages: []string{"test-secret"}},
		}
	})
	in := kinds.In{Text: t.TempDir()}
	out := r.run("secret", in)
	reversed, err := base64.StdEncoding.DecodeString(out.Text)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(reversed)
	if string(reversed) != token+" "+key {
		t.Fatalf("the container had the secrets %q", reversed)
	}
	// A renewed token is no other input.
	renewed := r.session(func(o *container.Options) {
		o.Secrets = []container.Secret{
			{Name: "TEST_TOKEN", Value: "canary-token-renewed", Stages: []string{"test-secret"}},
			{Name: "TEST_KEY", Value: key, File: true, Stages: []string{"test-secret"}},
		}
	})
	if again := renewed.run("secret", in); again != out {
		t.Error("a renewed token made the step run again")
	}
	other := r.session(nil)
	if _, err := other.stage("secret").Run(t.Context(), kinds.In{}); err == nil {
		t.Error("a stage got secrets that it was not given")
	}
	written := []string{r.raw.String(), r.log.String(), renewed.raw.String()}
	err = filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		written = append(written, path, string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range written {
		for _, canary := range []string{"canary-token", "canary-key", base64.StdEncoding.EncodeToString([]byte(token))} {
			if strings.Contains(text, canary) {
				t.Errorf("%q stands in %.2000q", canary, text)
			}
		}
	}
}

// TestEngineCancel: a cancelled step ends its container.
func TestEngineCancel(t *testing.T) {
	r := newRig(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	mark := t.TempDir()
	ended := make(chan error, 1)
	go func() {
		_, err := r.stage("wait").Run(ctx, kinds.In{Text: mark})
		ended <- err
	}()
	select {
	case s := <-r.told:
		if s.Item != mark {
			t.Fatalf("another step: %v", s)
		}
	case err := <-ended:
		t.Fatalf("it ended by itself: %v", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want context.Canceled", err)
	}
	if err := r.engine.Close(); err != nil {
		t.Error(err)
	}
	// The step runs in no container any more: a new session can do something else.
	if got := r.session(nil).run("make", kinds.In{Texts: map[string]string{"after": mark}}); got.Tree.Files != 1 {
		t.Errorf("%v", got)
	}
}

func TestEngineFolders(t *testing.T) {
	r := newRig(t, nil)
	folder := filepath.Join(t.TempDir(), "folder")
	for name, text := range map[string]string{"sent": "yes", "left": "no"} {
		if err := errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	needs := func(kinds.In) (container.Needs, error) {
		return container.Needs{Folders: []container.Folder{{Path: folder, Exclude: []string{"left"}, Files: map[string]string{"put": "in"}}}}, nil
	}
	read := container.Remote(r.engine, pipeline.Stage[kinds.In, kinds.Out]{Name: "test-read", Version: 1}, needs)
	for name, want := range map[string]string{"sent": "yes", "put": "in"} {
		out, err := read.Run(t.Context(), kinds.In{Text: filepath.Join(folder, name)})
		if err != nil || out.Text != want {
			t.Errorf("%s: %q, %v", name, out.Text, err)
		}
	}
	if _, err := read.Run(t.Context(), kinds.In{Text: filepath.Join(folder, "left")}); err == nil {
		t.Error("an excluded file was sent")
	}
}
