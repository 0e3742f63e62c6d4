package lines

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

// shops are installed shops as they were released, one of each version: what a
// package in them says is the truth.
type shops struct {
	names []string
	read  func(shop, path string) []byte // nil where there is none
}

// releasedShops are those that NIGHTLY_RELEASED names: a folder of them, or a bare git
// repository with a branch for each.
func releasedShops(t *testing.T) shops {
	t.Helper()
	folder := os.Getenv("NIGHTLY_RELEASED")
	if folder == "" {
		t.Skip("NIGHTLY_RELEASED is not set: it names a folder of shops as they were released, or a bare git repository with a branch for each")
	}
	if _, err := os.Stat(filepath.Join(folder, "objects")); err == nil {
		out, err := exec.Command("git", "-C", folder, "for-each-ref", "--sort=version:refname", "--format=%(refname:short)", "refs/heads").Output()
		if err != nil {
			t.Fatalf("list the branches of %s: %v", folder, err)
		}
		return shops{strings.Fields(string(out)), gitReader(t, folder)}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	s := shops{read: func(shop, path string) []byte {
		data, _ := os.ReadFile(filepath.Join(folder, shop, path))
		return data
	}}
	for _, e := range entries {
		s.names = append(s.names, e.Name())
	}
	return s
}

// gitReader reads files of commits of a git repository.
func gitReader(t *testing.T, folder string) func(commit, path string) []byte {
	t.Helper()
	git := exec.CommandContext(t.Context(), "git", "-C", folder, "cat-file", "--batch")
	in, err := git.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := git.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := git.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = git.Wait() })
	answers := bufio.NewReader(out)
	return func(commit, path string) []byte {
		fmt.Fprintf(in, "%s:%s\n", commit, path)
		head, err := answers.ReadString('\n')
		if err != nil {
			t.Fatalf("read %s of %s: %v", path, commit, err)
		}
		var object, kind string
		var size int
		if _, err := fmt.Sscan(head, &object, &kind, &size); err != nil {
			return nil // missing
		}
		data := make([]byte, size+1)
		if _, err := io.ReadFull(answers, data); err != nil {
			t.Fatal(err)
		}
		return data[:size]
	}
}

// file is a file of a package in a shop: the project is the shop's root.
func (s shops) file(shop, name, path string) []byte {
	if strings.Contains(name, "/project-") {
		return s.read(shop, path)
	}
	return s.read(shop, "vendor/"+name+"/"+path)
}

// packages are those of a name, by their shops.
func (s shops) packages(name string) map[string]*composer.Manifest {
	found := map[string]*composer.Manifest{}
	for _, shop := range s.names {
		if m, err := composer.ParseManifest(s.file(shop, name, "composer.json")); err == nil && m.Name() == name {
			found[shop] = m
		}
	}
	return found
}

// A verdict gathers what was released where, of one correction.
type verdict struct{ same, other []string }

// row says it; a correction that released packages contradict fails the test.
func (v verdict) row(t *testing.T, what string) {
	t.Helper()
	switch {
	case len(v.other) > 0:
		t.Errorf("%s: WRONG in %s", what, strings.Join(v.other, ", "))
	case len(v.same) > 0:
		t.Logf("%s: as released in %s", what, strings.Join(v.same, ", "))
	default:
		t.Logf("%s: unproven", what)
	}
}

// TestReleasedEdits holds every edit of the mirror against the released packages.
func TestReleasedEdits(t *testing.T) {
	line, s := loaded(t), releasedShops(t)
	check := func(e releases.Edit, link releases.EditLink, want string) {
		var v verdict
		for shop, m := range s.packages(e.Package) {
			if !e.Applies(m.Version()) {
				continue
			}
			got := "nothing"
			for _, l := range m.Links(link.Section) {
				if l.Name == link.Name {
					got = l.Constraint
				}
			}
			if got == want {
				v.same = append(v.same, shop)
			} else {
				v.other = append(v.other, fmt.Sprintf("%s (%s)", shop, got))
			}
		}
		slices.Sort(v.same)
		slices.Sort(v.other)
		v.row(t, fmt.Sprintf("edit of %s %s: %s %s %s", e.Package, e.When, link.Section, link.Name, want))
	}
	for _, e := range line.Edits {
		for _, link := range e.Remove {
			check(e, link, "nothing")
		}
		for _, link := range e.Set {
			check(e, link, link.Constraint)
		}
	}
}

// TestReleasedVersions holds the fixed versions of the mirror against the released
// packages: those of a tag were released together.
func TestReleasedVersions(t *testing.T) {
	line, s := loaded(t), releasedShops(t)
	for _, r := range line.Repositories {
		for _, fix := range r.FixVersions {
			checkFixed(t, s, r.Name, fix)
		}
	}
}

// checkFixed checks those of one tag. A shop that has most of the versions, where none
// has all, contradicts the others.
func checkFixed(t *testing.T, s shops, repository string, fix releases.FixVersions) {
	t.Helper()
	known := map[string]bool{}
	misfits := map[string][]string{} // by shop: what it has in another version
	for name, want := range fix.Versions {
		for shop, m := range s.packages(name) {
			if m.Version() == "" {
				continue // a released package need not have one
			}
			known[name] = true
			if m.Version() != want {
				misfits[shop] = append(misfits[shop], name+" "+m.Version())
			} else if misfits[shop] == nil {
				misfits[shop] = []string{}
			}
		}
	}
	var all verdict
	for _, shop := range s.names {
		switch wrong, there := misfits[shop]; {
		case there && len(wrong) == 0:
			all.same = append(all.same, shop)
		case there && 2*len(wrong) < len(known):
			all.other = append(all.other, fmt.Sprintf("%s (%s)", shop, strings.Join(wrong, ", ")))
		}
	}
	if len(all.same) > 0 {
		all.other = nil
	}
	for _, name := range slices.Sorted(maps.Keys(fix.Versions)) {
		v := all
		if !known[name] {
			v = verdict{}
		}
		v.row(t, fmt.Sprintf("version fixed in %s of %s: %s %s", fix.Tag, repository, name, fix.Versions[name]))
	}
}

// TestReleasedFiles holds the files of the mirror against the released packages. They
// are read from NIGHTLY_DATA, a clone of the line's data.
func TestReleasedFiles(t *testing.T) {
	line, s := loaded(t), releasedShops(t)
	folder := os.Getenv("NIGHTLY_DATA")
	if folder == "" {
		t.Skip("NIGHTLY_DATA is not set: it names a clone of the data of the line mirror")
	}
	data := gitReader(t, folder)
	for _, f := range line.Files {
		want := data(line.Data.Commit, f.From)
		if want == nil {
			t.Errorf("%s has no %s at %s", folder, f.From, line.Data.Commit)
		}
		var v verdict
		for shop, m := range s.packages(f.Package) {
			switch got := s.file(shop, f.Package, f.Path); {
			case !f.Applies(f.Package, m.Version()) || got == nil:
			case string(got) == string(want):
				v.same = append(v.same, shop)
			default:
				v.other = append(v.other, shop)
			}
		}
		v.row(t, fmt.Sprintf("%s of %s %s", f.Path, f.Package, f.When))
	}
}

// loaded is the line of the mirror.
func loaded(t *testing.T) *releases.Line {
	t.Helper()
	line, err := Load("mirror")
	if err != nil {
		t.Fatal(err)
	}
	return line
}
