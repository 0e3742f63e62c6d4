package checkout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"
	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// A rig is a server with one repository, and the options to check it out.
type rig struct {
	*gitServer
	repository *repository
	pin        stages.Pin
	options    Options
	waiter     *waiter
	log        *bytes.Buffer
}

func newRig(t *testing.T) *rig { return newRigOf(t, httptest.NewServer) }

func newRigOf(t *testing.T, start func(http.Handler) *httptest.Server) *rig {
	t.Helper()
	s := newServer(t, start)
	r, pin := sample(t, filepath.Join(s.root, "sample.git"))
	pin.URL = s.URL + "/sample.git"
	w, log := &waiter{}, &bytes.Buffer{}
	return &rig{s, r, pin, Options{
		Store: openStore(t), Dir: t.TempDir(), Git: waiting(w), Log: slog.New(slog.NewTextHandler(log, nil)),
	}, w, log}
}

func (r *rig) run(ctx context.Context) (stages.Sources, error) {
	return Stage(r.options).Run(ctx, stages.Checkout{Pins: []stages.Pin{r.pin}})
}

// mustHaveSample runs and compares with what sample wrote.
func (r *rig) mustHaveSample(t *testing.T) {
	t.Helper()
	out, err := r.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := out.Repositories[0]
	got := [2]map[string]string{filesOf(t, r.options.Store, s.Head), filesOf(t, r.options.Store, s.Tagged)}
	if diff := cmp.Diff(wantSample, got); diff != "" {
		t.Error(diff)
	}
}

func (r *rig) cache() string { return filepath.Join(r.options.Dir, folderName(r.pin.URL)) }

func TestFetch(t *testing.T) {
	for _, test := range []struct {
		name  string
		allow bool
	}{{"tips only", false}, {"any commit", true}} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			if test.allow {
				r.allow(t, "sample.git")
			}
			r.mustHaveSample(t)
			if packs, _ := r.reset(); packs != 1 {
				t.Errorf("both commits took %d requests, not 1", packs)
			}
			r.mustHaveSample(t)
			if packs, _ := r.reset(); packs != 0 {
				t.Errorf("commits that are there took %d requests", packs)
			}
			old := plumbing.NewHash(r.pin.Commit)
			r.pin.Commit = change(t, r.repository.Repository, r.repository, old, "added.txt", "added").String()
			if _, err := r.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if packs, size := r.reset(); packs != 1 || size > 2000 {
				t.Errorf("one small file more took %d requests and %d bytes", packs, size)
			}
		})
	}
}

func TestPassingFaults(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults []fault
		pauses []time.Duration
	}{
		{"error of the server, and too many requests", []fault{status(500), status(429, "Retry-After", "17")}, []time.Duration{time.Second, 17 * time.Second}},
		{"cut before the pack", []fault{cut(10)}, []time.Duration{time.Second}},
		{"cut in the pack", []fault{cut(3000)}, []time.Duration{time.Second}},
		{"empty answer", []fault{status(200)}, []time.Duration{time.Second}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			r.faults = test.faults
			r.mustHaveSample(t)
			if diff := cmp.Diff(test.pauses, r.waiter.pauses); diff != "" {
				t.Error(diff)
			}
			left, err := filepath.Glob(filepath.Join(r.cache(), "incoming-*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestFinalFaults(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults []fault
		change func(*rig)
		pauses int
		want   string
	}{
		{"never well", slices.Repeat([]fault{status(500)}, 5), nil, 4, "the server answered 500 Internal Server Error, on each of 5 tries"},
		{"hangs", slices.Repeat([]fault{hang(500, func() {})}, 5), func(r *rig) { r.options.Git.Policy.Timeout = 200 * time.Millisecond }, 4, "no answer within 200ms, on each of 5 tries"},
		{"forbidden", []fault{status(403)}, nil, 0, "a token that may read it is needed"},
		{"no such repository", nil, func(r *rig) { r.pin.URL += "x" }, 0, "correct the URL in the release line"},
		{"no such commit", nil, func(r *rig) { r.pin.Commit = strings.Repeat("12", 20) }, 0, "is gone: the whole history of the ref does not hold it"},
		{"no such protocol", nil, func(r *rig) { r.pin.URL = "git://127.0.0.1/x" }, 0, "git:// is not spoken here"},
		{"no such ref", nil, func(r *rig) { r.pin.Commit, r.pin.Ref = strings.Repeat("12", 20), "refs/heads/other" }, 0, "the ref is not on the server: refs/heads/other"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			r.faults = test.faults
			if test.change != nil {
				test.change(r)
			}
			_, err := r.run(t.Context())
			mustBeSourceError(t, err, test.want)
			if len(r.waiter.pauses) != test.pauses {
				t.Errorf("paused %v, not %d times", r.waiter.pauses, test.pauses)
			}
		})
	}
}

// mustBeSourceError wants an error about the sample that names it and says so.
func mustBeSourceError(t *testing.T, err error, want string) {
	t.Helper()
	var source *releases.SourceError
	if !errors.As(err, &source) || source.Repository != "sample" || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v (%T), not a SourceError with %q", err, err, want)
	}
}

func TestWrongCertificate(t *testing.T) {
	s := newServer(t, func(h http.Handler) *httptest.Server {
		server := httptest.NewUnstartedServer(h)
		server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
		server.StartTLS()
		return server
	})
	_, pin := sample(t, filepath.Join(s.root, "sample.git"))
	pin.URL = s.URL + "/sample.git"
	w := &waiter{}
	o := Options{Store: openStore(t), Dir: t.TempDir(), Git: waiting(w)}
	_, err := Stage(o).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{pin}})
	mustBeSourceError(t, err, "certificate")
	if len(w.pauses) > 0 {
		t.Error("tried again")
	}
	o.Git.Transport = s.Client().Transport
	if _, err := Stage(o).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{pin}}); err != nil {
		t.Errorf("with the certificate: %v", err)
	}
}

func TestToken(t *testing.T) {
	r := newRigOf(t, httptest.NewTLSServer)
	r.options.Git.Transport = r.Client().Transport
	r.options.Git.Token = func(host string) remote.Token { return remote.NewToken("secret-of-" + host) }
	r.mustHaveSample(t)
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.SetBasicAuth("x-access-token", "secret-of-127.0.0.1")
	if len(r.auth) == 0 {
		t.Error("no request")
	}
	for _, got := range r.auth {
		if want := request.Header.Get("Authorization"); got != want {
			t.Errorf("got %q, not %q", got, want)
		}
	}
}

// TestDelta changes a line of a large file: the server sends the difference to
// what we have, and git finds the objects whole.
func TestDelta(t *testing.T) {
	r := newRig(t)
	noise := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	for range 5000 {
		fmt.Fprintf(&text, "%016x\n", noise.Uint64())
	}
	r.pin.TagCommit = ""
	r.pin.Commit = r.repository.commit(main, r.repository.tree([]line{regular("large.txt", text.String())})).String()
	if _, err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.reset()
	changed := text.String() + "one more line\n"
	r.pin.Commit = r.repository.commit(main, r.repository.tree([]line{regular("large.txt", changed)}), plumbing.NewHash(r.pin.Commit)).String()
	out, err := r.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, size := r.reset(); size > 2000 {
		t.Errorf("one line more took %d bytes", size)
	}
	if got := filesOf(t, r.options.Store, out.Repositories[0].Head)["100644 large.txt"]; got != changed {
		t.Errorf("got %d bytes, not %d", len(got), len(changed))
	}
	if out, err := exec.Command(gitProgram(t), "-C", r.cache(), "fsck", "--strict").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestForcePush rewrites the branch between the plan and the checkout.
func TestForcePush(t *testing.T) {
	r := newRig(t)
	other := r.repository.commit(main, r.repository.tree([]line{regular("README.md", "rewritten")}))
	_, err := r.run(t.Context())
	mustBeSourceError(t, err, "commit "+r.pin.Commit+" of refs/heads/main is gone")
	if strings.Contains(err.Error(), r.pin.TagCommit) {
		t.Errorf("the tag's commit is there, but named: %v", err)
	}
	r.allow(t, "sample.git")
	r.mustHaveSample(t)
	r.pin.Commit = other.String()
	if _, err := r.run(t.Context()); err != nil {
		t.Errorf("the new commit, next to the old one: %v", err)
	}
}

// TestDeepen wants commits that a server gives with their ref's history only.
func TestDeepen(t *testing.T) {
	for _, behind := range []int{1, 9, 10, 25} {
		t.Run(fmt.Sprint(behind), func(t *testing.T) {
			r := newRig(t)
			tip := plumbing.NewHash(r.pin.Commit)
			tree := r.repository.tree([]line{regular("README.md", "later")})
			for range behind {
				tip = r.repository.commit(main, tree, tip)
			}
			r.mustHaveSample(t)
			r.reset()
			r.pin.Commit = tip.String()
			if _, err := r.run(t.Context()); err != nil {
				t.Errorf("the tip after it: %v", err)
			}
		})
	}
}

// TestAnnotatedTag pins the commit that a tag object stands for, which is not
// what the server shows.
func TestAnnotatedTag(t *testing.T) {
	r := newRig(t)
	tag := r.repository.object(plumbing.TagObject, fmt.Sprintf("object %s\ntype commit\ntag 2.0.0\ntagger A <a@example.org> 1700000000 +0000\n\nm\n", r.pin.TagCommit))
	for _, ref := range []*plumbing.Reference{plumbing.NewHashReference("refs/tags/2.0.0", tag)} {
		if err := r.repository.Storer.SetReference(ref); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.repository.Storer.RemoveReference("refs/tags/1.0.0"); err != nil {
		t.Fatal(err)
	}
	r.pin.Tag = "2.0.0"
	r.mustHaveSample(t)
}

func TestCancel(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.faults = []fault{hang(3000, cancel)}
	if _, err := r.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	r.mustHaveSample(t)
}

// TestTogether runs several checkouts of one cache at once: one fetches, the
// others find it done.
func TestTogether(t *testing.T) {
	r := newRig(t)
	var g sync.WaitGroup
	out := make([]stages.Sources, 4)
	errs := make([]error, 4)
	for i := range out {
		o := r.options
		o.Store = openStore(t)
		o.Log = nil
		g.Go(func() { out[i], errs[i] = Stage(o).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{r.pin, r.pin}}) })
	}
	g.Wait()
	for i := range out {
		if diff := cmp.Diff(out[0], out[i]); diff != "" || errs[i] != nil {
			t.Error(diff, errs[i])
		}
	}
	if packs, _ := r.reset(); packs != 1 {
		t.Errorf("%d fetches, not 1", packs)
	}
}

// TestAllProblems wants every repository's problem, and the progress of all.
func TestAllProblems(t *testing.T) {
	r := newRig(t)
	missing, unknown := r.pin, r.pin
	missing.Name, missing.URL = "missing", r.URL+"/none.git"
	unknown.Name, unknown.Commit = "unknown", strings.Repeat("ab", 20)
	var done int64
	var mu sync.Mutex
	r.options.Progress = func(s pipeline.Step) {
		mu.Lock()
		defer mu.Unlock()
		if s.Unit == "repositories" {
			done++
		}
	}
	_, err := Stage(r.options).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{missing, r.pin, unknown}})
	for _, want := range []string{"repository missing (" + r.URL + "/none.git)", "repository unknown (" + r.pin.URL + ")"} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	if strings.Contains(fmt.Sprint(err), "repository sample") || done != 3 {
		t.Errorf("%d done; %v", done, err)
	}
}
