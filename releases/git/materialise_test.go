package git

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/google/go-cmp/cmp"
)

func TestMaterialiseMakesTheSameCommitsEverywhere(t *testing.T) {
	assertRefs(t, NewLister(Options{}), "file://"+repositories(t)+"/one", refsOfOne)
}

func TestMaterialiseIsGit(t *testing.T) {
	git, dir := tool(t, "git"), repositories(t)
	one := filepath.Join(dir, "one")
	for _, name := range []string{"one", "two"} {
		run(t, git, "-C", filepath.Join(dir, name), "fsck", "--strict")
	}
	wants := []struct{ want, got string }{
		{"bin/run\ncomposer.json\nsrc-b/a.php\nsrc.c\nsrc/a.php", run(t, git, "-C", one, "ls-tree", "-r", "--name-only", "main")},
		{"composer.json\nsrc/.hidden", run(t, git, "-C", one, "ls-tree", "-r", "--name-only", "1.10.0")},
		{"tag", run(t, git, "-C", one, "cat-file", "-t", "1.9.0")},
		{"Develop\nRelease 1.9.0\nRelease 1.10.0", run(t, git, "-C", one, "log", "--format=%s", "main")},
		{"2022-02-22 22:04:22 +0000", run(t, git, "-C", one, "log", "-1", "--format=%ci", "main")},
		{"refs/heads/main", run(t, git, "-C", one, "symbolic-ref", "HEAD")},
	}
	for _, w := range wants {
		if w.got != w.want {
			t.Errorf("git says %q, want %q", w.got, w.want)
		}
	}
	if row := run(t, git, "-C", one, "ls-tree", "main", "bin/run"); !strings.HasPrefix(row, "100755") {
		t.Errorf("script has mode %s", row)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	run(t, git, "clone", "-q", one, clone)
}

func TestMaterialiseKeepsWhatIsThere(t *testing.T) {
	dir := repositories(t)
	mark := filepath.Join(dir, "one", "mark")
	if err := os.WriteFile(mark, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Materialise(sources(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mark); err != nil {
		t.Errorf("a whole repository was replaced: %v", err)
	}
	assertOnly(t, dir, "one", "two")
}

func assertOnly(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("files in the folder (-want +got):\n%s", diff)
	}
}

func TestMaterialiseReplacesWhatIsWrong(t *testing.T) {
	anObject := func(t *testing.T, dir string) string {
		files, err := filepath.Glob(filepath.Join(dir, "one", "objects", "*", "*"))
		if err != nil || len(files) == 0 {
			t.Fatal("no objects", err)
		}
		if err := os.Chmod(files[0], 0o644); err != nil {
			t.Fatal(err)
		}
		return files[0]
	}
	cases := []struct {
		name  string
		spoil func(t *testing.T, dir string) error
	}{
		{"an object is gone", func(t *testing.T, dir string) error { return os.Remove(anObject(t, dir)) }},
		{"an object is empty", func(t *testing.T, dir string) error { return os.Truncate(anObject(t, dir), 0) }},
		{"an object has rotten", func(t *testing.T, dir string) error {
			data, err := os.ReadFile(anObject(t, dir))
			if err != nil {
				return err
			}
			data[len(data)-1] ^= 0xff
			return os.WriteFile(anObject(t, dir), data, 0o644)
		}},
		{"a ref is gone", func(_ *testing.T, dir string) error { return os.Remove(filepath.Join(dir, "one", "refs/tags/1.9.0")) }},
		{"it is no repository", func(_ *testing.T, dir string) error { return os.Remove(filepath.Join(dir, "one", "HEAD")) }},
		{"it is a file", func(_ *testing.T, dir string) error {
			return first(os.RemoveAll(filepath.Join(dir, "one")), os.WriteFile(filepath.Join(dir, "one"), nil, 0o644))
		}},
		{"it is of another version", func(_ *testing.T, dir string) error {
			other := sources()
			other["repositories/one/head/new"] = &fstest.MapFile{Data: []byte("x")}
			return Materialise(other, dir)
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := repositories(t)
			if err := c.spoil(t, dir); err != nil {
				t.Fatal(err)
			}
			if err := Materialise(sources(), dir); err != nil {
				t.Fatal(err)
			}
			assertRefs(t, NewLister(Options{}), "file://"+dir+"/one", refsOfOne)
			assertOnly(t, dir, "one", "two")
		})
	}
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestMaterialiseByManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	errs := make([]error, 8)
	var wait sync.WaitGroup
	for i := range errs {
		wait.Go(func() { errs[i] = Materialise(sources(), dir) })
	}
	wait.Wait()
	if err := first(errs...); err != nil {
		t.Fatal(err)
	}
	assertRefs(t, NewLister(Options{}), "file://"+dir+"/one", refsOfOne)
	assertOnly(t, dir, "one", "two")
}

func TestMaterialiseOfAnEmptyFolder(t *testing.T) {
	made := fstest.MapFS{"repositories/e/head/empty": &fstest.MapFile{Mode: fs.ModeDir | 0o755}, "repositories/e/head/a": &fstest.MapFile{}}
	dir := t.TempDir()
	if err := Materialise(made, dir); err != nil {
		t.Fatal(err)
	}
	repository, err := gogit.PlainOpen(filepath.Join(dir, "e"))
	if err != nil {
		t.Fatal(err)
	}
	head, err := repository.Head()
	if err != nil {
		t.Fatal(err)
	}
	commit, err := repository.CommitObject(head.Hash())
	if err != nil {
		t.Fatal(err)
	}
	tree, err := commit.Tree()
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Entries) != 1 || tree.Entries[0].Name != "a" || tree.Entries[0].Mode != filemode.Regular {
		t.Errorf("tree %v, want the file a alone", tree.Entries)
	}
}

func TestMaterialiseNamesWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	err := Materialise(fstest.MapFS{"repositories/x/tags/1.0/a": &fstest.MapFile{}}, dir)
	if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "x")) || !strings.Contains(err.Error(), "head") {
		t.Errorf("error %v, want one about head of x", err)
	}
	assertOnly(t, dir)
}
