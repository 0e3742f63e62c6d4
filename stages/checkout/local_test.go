package checkout

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"
	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/stages"
)

// TestInPlace reads a repository where it lies, by each way to name it, with no
// git program and nothing in the folder of git objects.
func TestInPlace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "with space", "r.git")
	_, pin := sample(t, dir)
	t.Setenv("PATH", "")
	for _, url := range []string{"file://" + dir, "file://" + strings.ReplaceAll(dir, " ", "%20"), dir, "embedded:sample"} {
		t.Run(url, func(t *testing.T) {
			pin.URL = url
			var log bytes.Buffer
			s := openStore(t)
			o := Options{Store: s, Cache: s.Cache("git"), Dir: filepath.Join(t.TempDir(), "none"), Log: slog.New(slog.NewTextHandler(&log, nil)),
				Git: git.Options{Locate: func(string) (string, error) { return dir, nil }}}
			out, err := Stage(o).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{pin}})
			if err != nil {
				t.Fatal(err)
			}
			made := out.Repositories[0]
			got := [2]map[string]string{filesOf(t, o.Store, made.Head), filesOf(t, o.Store, made.Tagged)}
			if diff := cmp.Diff(wantSample, got); diff != "" {
				t.Error(diff)
			}
			if _, err := os.Stat(o.Dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("made a folder: %v", err)
			}
			want := []string{"repository " + pin.Name + ": left out its submodules, whose files are in other repositories: vendored"}
			if diff := cmp.Diff(want, out.Noted()); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
			if again, err := Stage(o).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{pin}}); err != nil || !cmp.Equal(out, again) {
				t.Errorf("a remembered checkout: %+v, %v", again, err)
			}
		})
	}
}

// TestLocalShapes reads what a contributor may have: a clone with packs, one
// that borrows objects, a working tree of another.
func TestLocalShapes(t *testing.T) {
	program := gitProgram(t)
	run := func(t *testing.T, args ...string) {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	for name, shape := range map[string]func(t *testing.T, from, to string){
		"packed": func(t *testing.T, from, to string) {
			run(t, "clone", "--quiet", "--mirror", from, to)
			run(t, "-C", to, "repack", "-q", "-a", "-d")
		},
		"being repacked": func(t *testing.T, from, to string) {
			run(t, "clone", "--quiet", "--mirror", from, to)
			for _, name := range []string{".tmp-71-pack-" + strings.Repeat("0", 40) + ".pack", "tmp_pack_Xk2f9A", "pack-" + strings.Repeat("1", 40) + ".pack"} {
				mustWrite(t, filepath.Join(to, "objects", "pack", name), []byte("PACK"))
			}
		},
		"packed with working tree": func(t *testing.T, from, to string) {
			run(t, "clone", "--quiet", "--no-local", "--no-checkout", from, to)
		},
		"borrowing": func(t *testing.T, from, to string) {
			run(t, "-C", from, "repack", "-q", "-a", "-d")
			run(t, "clone", "--quiet", "--shared", "--no-checkout", from, to)
		},
		"borrowing loose objects": func(t *testing.T, from, to string) {
			run(t, "clone", "--quiet", "--shared", "--no-checkout", from, to)
		},
		"worktree": func(t *testing.T, from, to string) {
			run(t, "-C", from, "worktree", "add", "--no-checkout", "--detach", to, "main")
		},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
			_, pin := sample(t, from)
			shape(t, from, to)
			pin.URL = "file://" + to
			s := openStore(t)
			out, err := Stage(Options{Store: s, Dir: t.TempDir()}).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{pin}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(wantSample[0], filesOf(t, s, out.Repositories[0].Head)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLocalProblems(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "r")
	r, good := sample(t, dir)
	gone := r.commit("", plumbing.NewHash(strings.Repeat("77", 20)))
	for _, test := range []struct {
		name   string
		change func(*stages.Pin)
		want   string
	}{
		{"no such commit", func(p *stages.Pin) { p.Commit = strings.Repeat("12", 20) }, "(refs/heads/main) is not in the folder " + dir},
		{"no such folder", func(p *stages.Pin) { p.URL = "file:///none/such" }, "open the git repository /none/such: repository does not exist"},
		{"nothing embedded", func(p *stages.Pin) { p.URL = "embedded:x" }, "cannot be located here"},
		{"missing tree", func(p *stages.Pin) { p.Commit = gone.String() }, "repair the folder " + dir},
		{"no commit but a tree", func(p *stages.Pin) { p.Commit = r.tree([]line{regular("a", "")}).String() }, "unsupported object type"},
	} {
		t.Run(test.name, func(t *testing.T) {
			pin := good
			test.change(&pin)
			_, err := Stage(Options{Store: openStore(t), Dir: t.TempDir()}).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{pin}})
			mustBeSourceError(t, err, test.want)
		})
	}
}

// TestBadPin is no fault of a source: the plan is wrong.
func TestBadPin(t *testing.T) {
	_, err := Stage(Options{Store: openStore(t), Dir: t.TempDir()}).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{{Name: "r", Commit: "main"}}})
	if err == nil || !strings.Contains(err.Error(), `repository r: "main" is no commit`) {
		t.Error(err)
	}
}

// TestNextNight reads only what changed, and after the store was lost all.
func TestNextNight(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "r")
	r, pin := sample(t, dir)
	pin.URL = "file://" + dir
	s := openStore(t)
	o := Options{Store: s, Cache: s.Cache("git"), Dir: t.TempDir()}
	snapshot := func(store pipeline.Store) stages.Sources {
		t.Helper()
		o.Store = store
		out, err := Stage(o).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{pin}})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	first := snapshot(s)
	pin.Commit = change(t, r.Repository, r, plumbing.NewHash(pin.Commit), "added.txt", "added").String()
	mustLose(t, r, "old") // the tag's README.md: not needed for composer.json
	mustLose(t, r, "new") // README.md: known by its id
	second := snapshot(s)
	want := map[string]string{"100644 added.txt": "added"}
	for name, content := range wantSample[0] {
		want[name] = content
	}
	if diff := cmp.Diff(want, filesOf(t, s, second.Repositories[0].Head)); diff != "" {
		t.Error(diff)
	}
	if first.Repositories[0].Tagged != second.Repositories[0].Tagged {
		t.Error("the tag's files changed")
	}
	r.object(plumbing.BlobObject, "old")
	r.object(plumbing.BlobObject, "new")
	other := openStore(t) // the cache names contents that this one does not have
	if diff := cmp.Diff(second, snapshot(other)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, filesOf(t, other, second.Repositories[0].Head)); diff != "" {
		t.Error(diff)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(second, snapshot(s)); diff != "" {
		t.Error("the same commits once more, without the repository:", diff)
	}
}

// mustLose removes a loose blob.
func mustLose(t *testing.T, r *repository, content string) {
	t.Helper()
	id := plumbing.ComputeHash(plumbing.BlobObject, []byte(content)).String()
	mustRemove(t, filepath.Join(r.dir, "objects", id[:2], id[2:]))
}

// TestStoreFault is no fault of a source either.
func TestStoreFault(t *testing.T) {
	_, pin := sample(t, filepath.Join(t.TempDir(), "r"))
	_, err := Stage(Options{Store: full{openStore(t)}, Dir: t.TempDir()}).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{pin}})
	if want := "store the files: the disk is full"; err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "file://") {
		t.Errorf("got %v, not %q alone", err, want)
	}
}

// A full store takes no tree.
type full struct{ pipeline.Store }

func (full) Save(context.Context, []pipeline.File) (pipeline.Tree, error) {
	return pipeline.Tree{}, errors.New("the disk is full")
}

func TestFolderName(t *testing.T) {
	seen := map[string]string{}
	for _, url := range []string{
		"https://github.com/mage-os/inventory", "https://github.com/mage-os/inventory.git", "https://github.com/magento/inventory",
		"git@github.com:mage-os/inventory.git", "https://user:secret@example.org/Inventory", "https://example.org/inventory",
		"https://example.org/" + strings.Repeat("very/", 100) + "long", "https://example.org/a/b", "https://example.org/a-b", "ssh://git@[::1]:2222/r",
	} {
		name := folderName(url)
		if other, ok := seen[name]; ok {
			t.Errorf("%s and %s have the same folder %s", url, other, name)
		}
		seen[name] = url
		if len(name) > 100 || strings.Contains(name, "secret") || !fs.ValidPath(name) || strings.ContainsAny(name, "/:@[] ") {
			t.Errorf("%s has the folder %s", url, name)
		}
	}
	if got, want := folderName("https://github.com/mage-os/inventory.git"), "github.com-mage-os-inventory-"; !strings.HasPrefix(got, want) {
		t.Errorf("got %s, not %s…", got, want)
	}
}
