package publish

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
	"github.com/mage-os/nightly/stages/trust/trusttest"
)

// A web is a published folder that is served as it lies there.
type web struct {
	dir, url string
	trust    string           // folder of who signs; empty: nobody
	by       *trust.Authority // the same; nil: nobody
	former   string           // the line's FormerDists

	mu     sync.Mutex
	asked  []string
	before func(name string, n int) []byte // called with the file that is asked for; what it gives is the answer
}

func startWeb(t testing.TB, signed bool) *web {
	t.Helper()
	w := &web{dir: t.TempDir()}
	if signed {
		w.trust = trusttest.Folder(t, testURL)
		w.by = trusttest.Read(t, w.trust)
	}
	files := http.FileServer(http.Dir(w.dir))
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		w.mu.Lock()
		w.asked = append(w.asked, name)
		n, before := len(w.asked), w.before
		w.mu.Unlock()
		if before != nil {
			if data := before(name, n); data != nil {
				_, _ = rw.Write(data)
				return
			}
		}
		if name == pageFile { // which a file server redirects
			http.ServeFileFS(rw, r, os.DirFS(w.dir), "index.html")
			return
		}
		files.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// forget gives what was asked for, and forgets it.
func (w *web) forget() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	asked := w.asked
	w.asked = nil
	return asked
}

// publish publishes a night, and keeps two.
func (w *web) publish(t testing.TB, name releases.SnapshotName) {
	t.Helper()
	store := newMemory()
	o := options(t, store, name)
	o.Attest, o.Trust = &attest.Options{}, w.by
	o.Times = func(_ context.Context, _ string, commits []string) (map[string]time.Time, error) {
		return map[string]time.Time{commits[0]: dayOf("2026-11-20")}, nil
	}
	if _, err := Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: sample{name: name, modules: helperModules, line: func(l *releases.Line) { l.FormerDists = w.former }}.build(t, store), To: w.dir, Keep: helperKeep}); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func (w *web) copy(t testing.TB) Copy {
	t.Helper()
	return w.copyTo(t, t.TempDir())
}

func (w *web) copyTo(t testing.TB, to string) Copy { return copyOf(t, w.url, w.by, to) }

func copyOf(t testing.TB, url string, by *trust.Authority, to string) Copy {
	t.Helper()
	from, err := target.OpenWeb(url, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	c := Copy{From: from, To: to}
	if by != nil {
		c.Client = trust.ClientOptions{Root: trusttest.Root(by), Now: trusttest.Made}
	}
	return c
}

// copied copies at a time, and says what is wrong with the copy then.
func copied(t testing.TB, c Copy, now time.Time) (stages.Publication, error) {
	t.Helper()
	o := Options{Owner: "test", Now: now}
	o.Target.Policy.Wait = func(context.Context, time.Duration) error { return nil }
	return o.Copy(t.Context(), c)
}

// notOf are the files of a folder that another one has not, or has with another content, but for the status.
func notOf(t testing.TB, copied, origin string) []string {
	t.Helper()
	there, files := listing(t, origin), []string{}
	for name, sum := range listing(t, copied) {
		if there[name] != sum && name != supersededFile && name != statusFile {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return files
}

func TestCopy(t *testing.T) {
	for name, signed := range map[string]bool{"signed": true, "not signed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWeb(t, signed)
			w.publish(t, "2026-11-22")
			w.publish(t, "2026-11-23")
			c, now := w.copy(t), dayOf("2026-11-23").Add(4*time.Hour)
			if _, err := copied(t, c, now); err != nil {
				t.Fatal(err)
			}
			first := len(w.forget())
			if err := whole(c.To); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{}, notOf(t, c.To, w.dir)); diff != "" {
				t.Errorf("not of the origin:\n%s", diff)
			}
			p, err := copied(t, c, now)
			if again := w.forget(); err != nil || len(again) > 7 || p.Added > 0 {
				t.Errorf("the second of %d requests asks for %q, and writes %d files: %v", first, again, p.Added, err)
			}
			for i, night := range []releases.SnapshotName{"2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27"} {
				w.publish(t, night)
				w.forget()
				if p, err = copied(t, c, dayOf(night).Add(4*time.Hour)); err != nil || p.Snapshot != night {
					t.Fatalf("%s: %v", night, err)
				}
				for _, name := range w.forget() {
					if n, _, ok := releases.CutSnapshotDir(name); ok && n != night && !strings.HasSuffix(name, "/nightly.json") {
						t.Errorf("%s: %s is asked for again", night, name)
					}
				}
				if err := errors.Join(whole(c.To), noLeftovers(t.Context(), folderTarget(c.To), helperKeep+2)); err != nil {
					t.Fatalf("%s: %v", night, err)
				}
				held, _ := snapshotsIn(c.To)
				if want := min(helperKeep+i+1, helperKeep+2); len(held) != want {
					t.Errorf("%s: the copy holds %v, want %d", night, held, want)
				}
			}
			if signed {
				client := &signedClient{dir: c.To, memory: t.TempDir(), root: c.Client.Root}
				if err := client.install(t.Context()); err != nil || client.installed != 1 {
					t.Errorf("a client: %v", err)
				}
			}
		})
	}
}

// An origin that is not what it says, or was: nothing of it is taken, and the copy stays as it was.
func TestCopyRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		signed bool
		file   string // whose beginnings are changed in what the origin serves
		change func(t *testing.T, w *web, c *Copy)
		want   string
	}{
		{"a zip", true, "dists/acme/module-000-", nil, "and has to have"},
		{"a zip, not signed", false, "dists/acme/module-000-", nil, "and has to have"},
		{"a manifest", true, "nights/2026-11-24/nightly.json", nil, "and has to have"},
		{"a manifest, not signed", false, "nights/2026-11-24/nightly.json", nil, "and it was published with"},
		{"metadata of a night", true, "nights/2026-11-24/versions.json|nights/2026-11-24/p2/acme/module-000.json", nil, "and has to have"},
		{"metadata of a night, not signed", false, "nights/2026-11-24/versions.json|nights/2026-11-24/p2/acme/module-000.json", nil, "and has to have"},
		{"merged metadata", false, "meta/", nil, "and has to have"},
		{"packages.json", true, stages.PackagesFile, nil, "is not what was signed"},
		{"the page", true, pageFile, nil, "is not what was signed"},
		{"a timestamp", true, trust.TimestampFile, nil, "signatures"},
		{"provenance", true, "nights/2026-11-24/nightly.intoto.json", nil, "and has to have"},
		{"another root", true, "", func(t *testing.T, _ *web, c *Copy) { c.Client.Root = trusttest.Root(trusttest.Authority(t, testURL)) }, "signatures"},
		{"no root", true, "", func(_ *testing.T, _ *web, c *Copy) { c.Client.Root = nil }, "give the root that is trusted"},
		{"not signed any more", true, "", func(t *testing.T, w *web, _ *Copy) {
			if err := os.RemoveAll(filepath.Join(w.dir, trust.Dir)); err != nil {
				t.Fatal(err)
			}
		}, "timestamp.json"},
		{"expired", true, "", func(_ *testing.T, _ *web, c *Copy) { c.Client.Now = dayOf("2026-12-30") }, "expired"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := startWeb(t, test.signed)
			w.publish(t, "2026-11-23")
			c := w.copy(t)
			if _, err := copied(t, c, dayOf("2026-11-23").Add(4*time.Hour)); err != nil {
				t.Fatal(err)
			}
			before := listing(t, c.To)
			w.publish(t, "2026-11-24")
			if test.change != nil {
				test.change(t, w, &c)
			}
			changed := false
			w.before = func(name string, _ int) []byte {
				if test.file == "" || !slices.ContainsFunc(strings.Split(test.file, "|"), func(file string) bool { return strings.HasPrefix(name, file) }) {
					return nil
				}
				changed = true
				data, err := os.ReadFile(filepath.Join(w.dir, name))
				if err != nil {
					return nil
				}
				switch path.Base(name) {
				case versionsFile:
					return []byte("{}")
				case path.Base(trust.TimestampFile):
					return bytes.Replace(data, []byte(`"version":2`), []byte(`"version":3`), 1)
				}
				return append(data, ' ')
			}
			_, err := copied(t, c, dayOf("2026-11-24").Add(4*time.Hour))
			var is *UntrustedError
			if err == nil || !strings.Contains(err.Error(), test.want) || !errors.As(err, &is) && !strings.Contains(test.want, "was published with") || test.file != "" && !changed {
				t.Errorf("%v, want %q", err, test.want)
			}
			after := listing(t, c.To)
			for name := range after {
				if strings.HasPrefix(name, stages.DistsDir+"/") && before[name] == "" {
					delete(after, name) // which nobody is led to
				}
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the copy has changed:\n%s", diff)
			}
		})
	}
}

// An earlier state that somebody has put back at the origin is not copied over a newer one.
func TestCopyGoesBackToNoEarlierState(t *testing.T) {
	t.Parallel()
	w := startWeb(t, true)
	w.publish(t, "2026-11-23")
	old := t.TempDir()
	if err := os.CopyFS(old, os.DirFS(w.dir)); err != nil {
		t.Fatal(err)
	}
	w.publish(t, "2026-11-24")
	c := w.copy(t)
	c.Client.Memory = t.TempDir()
	if _, err := copied(t, c, dayOf("2026-11-24").Add(4*time.Hour)); err != nil {
		t.Fatal(err)
	}
	remembers := c
	c.Client.Memory = ""
	before := listing(t, c.To)
	if err := errors.Join(os.RemoveAll(w.dir), os.CopyFS(w.dir, os.DirFS(old))); err != nil {
		t.Fatal(err)
	}
	if _, err := copied(t, c, dayOf("2026-11-25")); err == nil || !strings.Contains(err.Error(), "put back an earlier state") {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff(before, listing(t, c.To)); diff != "" {
		t.Errorf("the copy has changed:\n%s", diff)
	}
	// Nor to an empty place, by who remembers.
	remembers.To = t.TempDir()
	if _, err := copied(t, remembers, dayOf("2026-11-25")); err == nil || !strings.Contains(err.Error(), "new timestamp version 1 must be >= 2") {
		t.Errorf("%v", err)
	}
}

// Who is just at what the copy was, is not left alone by a copy that comes late: what signs that stays for once.
func TestCopyComesLate(t *testing.T) {
	t.Parallel()
	w := startWeb(t, true)
	w.publish(t, "2026-11-23")
	c := w.copy(t)
	if _, err := copied(t, c, dayOf("2026-11-23").Add(4*time.Hour)); err != nil {
		t.Fatal(err)
	}
	w.publish(t, "2026-11-24")
	for i, late := range []time.Duration{DefaultGrace + 24*time.Hour, 2*DefaultGrace + 24*time.Hour} {
		if _, err := copied(t, c, dayOf("2026-11-24").Add(late)); err != nil {
			t.Fatal(err)
		}
		there := listing(t, c.To)
		for _, name := range []string{"metadata/1.snapshot.json", "metadata/1.repository.json"} {
			if stays := there[name] != ""; stays != (i == 0) {
				t.Errorf("copy %d: %s stays: %v", i+1, name, stays)
			}
		}
	}
}

// An origin that publishes at any moment of a copy: it is whole, and of one of the two states.
func TestCopyWhilePublishing(t *testing.T) {
	t.Parallel()
	moments := 0
	for moment := 1; ; moment += 1 + moment/5 {
		w := startWeb(t, true)
		w.publish(t, "2026-11-23")
		published := false
		w.before = func(_ string, n int) []byte {
			if n == moment {
				w.publish(t, "2026-11-24")
				published = true
			}
			return nil
		}
		c := w.copy(t)
		if _, err := copied(t, c, dayOf("2026-11-24").Add(4*time.Hour)); err != nil {
			t.Fatalf("published before request %d: %v", moment, err)
		}
		client := &signedClient{dir: c.To, memory: t.TempDir(), root: c.Client.Root}
		if err := errors.Join(whole(c.To), client.install(t.Context())); err != nil || client.installed != 1 {
			t.Fatalf("published before request %d: %v", moment, err)
		}
		if !published {
			break
		}
		moments++
	}
	t.Logf("published at %d moments", moments)
	if moments < 8 {
		t.Error("the moments do not cover the copy")
	}
}
