package git

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A forge is a bare repository with pull requests, on the web and in its folder.
type forge struct {
	t                 *testing.T
	git, work, folder string
	web               string
}

func newForge(t *testing.T) *forge {
	t.Helper()
	root := t.TempDir()
	f := &forge{t: t, git: tool(t, "git"), work: filepath.Join(root, "work"), folder: filepath.Join(root, "shop.git")}
	run(t, f.git, "init", "--quiet", "--initial-branch=main", f.work)
	run(t, f.git, "clone", "--quiet", "--bare", f.work, f.folder)
	run(t, f.git, "-C", f.folder, "config", "uploadpack.allowAnySHA1InWant", "true")
	run(t, f.git, "-C", f.folder, "config", "uploadpack.allowFilter", "true")
	f.web = serve(t, backend(t, root)).URL + "/shop.git"
	return f
}

// commit commits files, which are removed if they are empty, and pushes them to a ref.
func (f *forge) commit(ref string, files map[string]string) string {
	f.t.Helper()
	for name, text := range files {
		path := filepath.Join(f.work, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if text == "" {
			err = os.Remove(path)
		} else if err == nil {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
	run(f.t, f.git, "-C", f.work, "add", "--all")
	run(f.t, f.git, "-C", f.work, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--allow-empty", "--message=change")
	run(f.t, f.git, "-C", f.work, "push", "--quiet", f.folder, "HEAD:"+ref)
	return run(f.t, f.git, "-C", f.work, "rev-parse", "HEAD")
}

func (f *forge) at(commit string) { run(f.t, f.git, "-C", f.work, "checkout", "--quiet", commit) }

const tenLines = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"

func TestMerge(t *testing.T) {
	f := newForge(t)
	first := f.commit("refs/heads/main", map[string]string{"a/lines": tenLines, "gone": "x\n", "old/name": tenLines + "same\n"})
	one := f.commit("refs/pull/1/head", map[string]string{"a/lines": strings.Replace(tenLines, "2\n", "two\n", 1), "new": "n\n"})
	f.at(first)
	two := f.commit("refs/pull/2/head", map[string]string{"a/lines": strings.Replace(tenLines, "9\n", "nine\n", 1), "gone": ""})
	f.at(first)
	three := f.commit("refs/pull/3/head", map[string]string{"a/lines": strings.Replace(tenLines, "2\n", "zwei\n", 1)})
	f.at(first)
	base := f.commit("refs/heads/main", map[string]string{"a/lines": strings.Replace(tenLines, "5\n", "five\n", 1)})
	for range 120 { // more than are asked for at first
		base = f.commit("refs/heads/main", nil)
	}
	f.at(first)
	four := f.commit("refs/pull/4/head", map[string]string{"a/lines": strings.Replace(tenLines, "5\n", "fuenf\n", 1)})
	merger, err := NewMerger(t.Context(), f.git, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, address := range map[string]string{"web": f.web, "folder": "file://" + f.folder} {
		t.Run(name, func(t *testing.T) {
			onto := Base{"main", address, base}
			merge := func(heads ...Head) (*Merge, error) { return merger.Merge(t.Context(), onto, heads) }
			made, err := merge(Head{"#1", address, one}, Head{"#2", address, two})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([][]string{{"a/lines", "new"}, {"a/lines", "gone"}}, made.Files); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			got := map[string]string{}
			for _, c := range made.Changes {
				if c.Mode == 0 {
					got[c.Path] = "gone"
					continue
				}
				content, err := made.Open(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				text, _ := io.ReadAll(content)
				got[c.Path] = string(text)
			}
			want := map[string]string{"a/lines": "1\ntwo\n3\n4\nfive\n6\n7\n8\nnine\n10\n", "new": "n\n", "gone": "gone"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if err := made.Close(); err != nil {
				t.Error(err)
			}
			_, err = merge(Head{"#1", address, one}, Head{"#2", address, two}, Head{"#3", address, three})
			wantConflict(t, err, ConflictError{With: []string{"#1"}, Title: "#3", Files: []string{"a/lines"}})
			_, err = merge(Head{"#2", address, two}, Head{"#4", address, four})
			wantConflict(t, err, ConflictError{With: []string{"main"}, Title: "#4", Files: []string{"a/lines"}, Ours: true})
		})
	}
}

// A submodule has no files here: the file whose place it takes is gone.
func TestMergeSubmodule(t *testing.T) {
	f := newForge(t)
	base := f.commit("refs/heads/main", map[string]string{"a": "x\n", "b": "y\n"})
	run(t, f.git, "-C", f.work, "rm", "--quiet", "a")
	run(t, f.git, "-C", f.work, "update-index", "--add", "--cacheinfo", "160000,"+base+",a")
	run(t, f.git, "-C", f.work, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--message=submodule")
	run(t, f.git, "-C", f.work, "push", "--quiet", f.folder, "HEAD:refs/pull/1/head")
	merger, err := NewMerger(t.Context(), f.git, Options{})
	if err != nil {
		t.Fatal(err)
	}
	made, err := merger.Merge(t.Context(), Base{"main", f.web, base}, []Head{{"#1", f.web, run(t, f.git, "-C", f.work, "rev-parse", "HEAD")}})
	if err != nil {
		t.Fatal(err)
	}
	if len(made.Changes) != 1 || made.Changes[0].Path != "a" || made.Changes[0].Mode != 0 {
		t.Errorf("%+v, and a is gone", made.Changes)
	}
	if err := made.Close(); err != nil {
		t.Error(err)
	}
}

func wantConflict(t *testing.T, err error, want ConflictError) {
	t.Helper()
	var got *ConflictError
	if !errors.As(err, &got) {
		t.Fatalf("%v, want a conflict", err)
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("conflict (-want +got):\n%s", diff)
	}
}

func TestNewMergerSaysWhatIsMissing(t *testing.T) {
	old := filepath.Join(t.TempDir(), "git")
	if err := os.WriteFile(old, []byte("#!/bin/sh\necho git version 2.37.9\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for program, want := range map[string]string{"": "is not on this machine; install it", old: `is "git version 2.37.9"; install a newer one`, "/nowhere/git": "no such file"} {
		if _, err := NewMerger(t.Context(), program, Options{}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "git, 2.38 or newer") {
			t.Errorf("%q: %v; want %q", program, err, want)
		}
	}
}
