package git

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases"
)

func TestListOfEmbedded(t *testing.T) {
	dir := repositories(t)
	locate := func(url string) (string, error) {
		name, _ := strings.CutPrefix(url, "embedded:")
		if name != "one" {
			return "", errors.New("there is no " + name)
		}
		return filepath.Join(dir, name), nil
	}
	assertRefs(t, NewLister(Options{Locate: locate}), "embedded:one", refsOfOne)
	assertError(t, NewLister(Options{Locate: locate}), "embedded:ten", "", "embedded:ten", "there is no ten")
	assertError(t, NewLister(Options{}), "embedded:one", "", "embedded:one", "https://")
}

// taggedClone is a repository with a commit, a tag, a tag object and a tag of that, and
// gives git in it.
func taggedClone(t *testing.T) (dir string, in func(args ...string) string) {
	t.Helper()
	git, dir := tool(t, "git"), filepath.Join(t.TempDir(), "a clone")
	run(t, git, "init", "-q", "-b", "develop", dir)
	in = func(args ...string) string {
		t.Helper()
		return run(t, git, append([]string{"-C", dir, "-c", "user.name=A", "-c", "user.email=a@example.org"}, args...)...)
	}
	in("commit", "-q", "--allow-empty", "-m", "one")
	in("tag", "1.0")
	in("tag", "-a", "-m", "x", "1.1")
	in("tag", "-a", "-m", "x", "1.2", "1.1")
	return dir, in
}

// A clone with a work tree, packed refs, a lightweight tag, a tag of a tag and a
// linked work tree.
func TestListOfAClone(t *testing.T) {
	clone, in := taggedClone(t)
	in("pack-refs", "--all")
	in("branch", "fix/it")
	commit := in("rev-parse", "HEAD")
	linked := filepath.Join(t.TempDir(), "linked")
	in("worktree", "add", "-q", linked, "fix/it")
	var want []releases.Ref
	for _, name := range []string{"HEAD", "refs/heads/develop", "refs/heads/fix/it", "refs/tags/1.0", "refs/tags/1.1", "refs/tags/1.2"} {
		want = append(want, releases.Ref{Name: name, Commit: commit})
	}
	assertRefs(t, NewLister(Options{}), "file://"+clone, want)
	assertRefs(t, NewLister(Options{}), "file://"+strings.ReplaceAll(clone, " ", "%20"), want)
	assertRefs(t, NewLister(Options{}), "file://"+linked, want)
}

// Of packed refs git notes what they stand for, and no object is read; a ref that was
// moved since is not packed, and old versions of git do not note it.
func TestListOfPackedRefs(t *testing.T) {
	clone, in := taggedClone(t)
	first := in("rev-parse", "HEAD")
	in("pack-refs", "--all")
	in("commit", "-q", "--allow-empty", "-m", "two")
	in("tag", "-f", "-a", "-m", "y", "1.1")
	second := in("rev-parse", "HEAD")
	want := []releases.Ref{
		{Name: "HEAD", Commit: second}, {Name: "refs/heads/develop", Commit: second},
		{Name: "refs/tags/1.0", Commit: first}, {Name: "refs/tags/1.1", Commit: second}, {Name: "refs/tags/1.2", Commit: first},
	}
	assertRefs(t, NewLister(Options{}), "file://"+clone, want)
	packed := filepath.Join(clone, ".git", "packed-refs")
	data, err := os.ReadFile(packed)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), " fully-peeled ") || !strings.Contains(string(data), "\n^"+first) {
		t.Fatalf("git notes it in another way: %s", data)
	}
	var old []string
	for _, line := range strings.SplitAfter(string(data), "\n") {
		if !strings.HasPrefix(line, "^") {
			old = append(old, strings.ReplaceAll(line, " fully-peeled ", " "))
		}
	}
	if err := os.WriteFile(packed, []byte(strings.Join(old, "")), 0o644); err != nil {
		t.Fatal(err)
	}
	assertRefs(t, NewLister(Options{}), "file://"+clone, want)
}

func TestListOfFolderThatIsNoRepository(t *testing.T) {
	dir := t.TempDir()
	assertError(t, NewLister(Options{}), "file://"+dir, "", dir, "no git repository")
	assertError(t, NewLister(Options{}), "file://"+dir+"/none", "", dir, "no git repository")
	if err := os.WriteFile(filepath.Join(dir, ".git"), []byte("gitdir: /nowhere\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	assertError(t, NewLister(Options{}), "file://"+dir, "", dir)
	for _, url := range []string{"", "one", "ftp://example.org/one", "ext::sh -c date"} {
		assertError(t, NewLister(Options{}), url, "")
	}
}

func TestListOfEmptyRepository(t *testing.T) {
	git, root := tool(t, "git"), t.TempDir()
	run(t, git, "init", "-q", "--bare", filepath.Join(root, "empty"))
	server := serve(t, backend(t, root))
	for _, url := range []string{"file://" + root + "/empty", server.URL + "/empty"} {
		refs, err := NewLister(Options{}).List(t.Context(), url)
		if err != nil || len(refs) != 0 {
			t.Errorf("%s: refs %v, error %v; want none", url, refs, err)
		}
	}
}

// A ref of a large blob is listed by the blob's head.
func TestListReadsNoBlob(t *testing.T) {
	clone, in := taggedClone(t)
	blob := filepath.Join(clone, ".git", "objects", "58", "7be6b4c3f93f93c489c0111bba5596147a26cb")
	var head bytes.Buffer
	w := zlib.NewWriter(&head)
	fmt.Fprint(w, "blob 629145600\x00x")
	w.Flush() // and no end
	if err := errors.Join(os.MkdirAll(filepath.Dir(blob), 0o755), os.WriteFile(blob, head.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	film := filepath.Join(clone, ".git", "refs", "tags", "film")
	if err := os.WriteFile(film, []byte("587be6b4c3f93f93c489c0111bba5596147a26cb\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	commit := in("rev-parse", "HEAD")
	want := []releases.Ref{{Name: "HEAD", Commit: commit}, {Name: "refs/heads/develop", Commit: commit}}
	for _, tag := range []string{"1.0", "1.1", "1.2"} {
		want = append(want, releases.Ref{Name: "refs/tags/" + tag, Commit: commit})
	}
	assertRefs(t, NewLister(Options{}), clone, append(want, releases.Ref{Name: "refs/tags/film", Commit: "587be6b4c3f93f93c489c0111bba5596147a26cb"}))
}
