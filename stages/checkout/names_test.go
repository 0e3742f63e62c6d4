package checkout

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages"
)

// TestHostileNames makes trees that git itself refuses to write.
func TestHostileNames(t *testing.T) {
	long := strings.Repeat("a", 256)
	for _, test := range []struct {
		name  string
		lines []line
		want  string // in the error
	}{
		{"parent", []line{regular("a/../b", "")}, `"a/..": the name leaves its directory`},
		{"parent alone", []line{regular("..", "")}, `"..": the name leaves its directory`},
		{"here", []line{regular("./b", "")}, `".": the name leaves its directory`},
		{"empty", []line{regular("a//b", "")}, `"a/": the name is empty`},
		{"absolute", []line{regular("/etc/passwd", "")}, `"": the name is empty`},
		{"backslash", []line{regular(`a\..\b`, "")}, `"a\\..\\b": the name holds a backslash`},
		{"not UTF-8", []line{regular("a\xff", "")}, `"a\xff": the name is not UTF-8`},
		{"control character", []line{regular("a\nb", "")}, `path "a\nb": holds the character '\n'`},
		{"long name", []line{regular("d/"+long, "")}, "has a name longer than 255 bytes"},
		{"git's folder", []line{regular(".git/config", "")}, `".git": the name is taken for git's own folder`},
		{"in another case", []line{regular("a/.GiT/hooks/x", "")}, `"a/.GiT": the name is taken for git's own folder`},
		{"short name", []line{regular("GIT~1/config", "")}, `"GIT~1": the name is taken`},
		{"dots at the end", []line{regular(".git. ./config", "")}, `".git. .": the name is taken`},
		{"space at the end", []line{regular(".git /config", "")}, `".git ": the name is taken`},
		{"stream", []line{regular(".git::$INDEX_ALLOCATION/config", "")}, `the name is taken for git's own folder`},
		{"ignored by HFS+", []line{regular(".g\u200cit/config", "")}, `the name is taken for git's own folder`},
		{"byte order mark", []line{regular("\ufeff.git/config", "")}, `the name is taken for git's own folder`},
		{"strange mode", []line{{"100600", "a", ""}}, `"a" has mode 100600, which git does not write`},
		{"all of them", []line{regular("a/../b", ""), regular(".git/x", "")}, `".git": the name is taken`},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "r")
			r := newRepository(t, dir)
			id := r.commit(main, r.tree(test.lines))
			pin := stages.Pin{Name: "sample", URL: "file://" + dir, Ref: main, Commit: id.String()}
			_, err := Stage(Options{Store: openStore(t), Dir: t.TempDir()}).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{pin}})
			mustBeSourceError(t, err, test.want)
		})
	}
}

// TestCase takes names that one file system or another holds for the same: 8 real tags
// have templates/Cart and templates/cart.
func TestCase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "r")
	r := newRepository(t, dir)
	id := r.commit(main, r.tree([]line{regular("templates/Cart/a", "1"), regular("templates/cart/a", "2"), regular("e\u0301", "3"), regular("\u00e9", "4")}))
	s := openStore(t)
	out, err := Stage(Options{Store: s, Dir: t.TempDir()}).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{{Name: "r", URL: "file://" + dir, Ref: main, Commit: id.String()}}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"100644 templates/Cart/a": "1", "100644 templates/cart/a": "2", "100644 e\u0301": "3", "100644 \u00e9": "4"}
	if got := filesOf(t, s, out.Repositories[0].Head); !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestTaggedIsNotJudged takes the composer.json files of a tag that nobody can
// change any more, whatever else it holds.
func TestTaggedIsNotJudged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "r")
	r := newRepository(t, dir)
	tagged := r.commit("refs/tags/1.0.0", r.tree([]line{
		regular("composer.json", "{}"), regular("A", ""), regular("a", ""), regular("../composer.json", "out"), regular(".git/composer.json", "in"),
	}))
	head := r.commit(main, r.tree([]line{regular("composer.json", "{}")}))
	pin := stages.Pin{Name: "r", URL: "file://" + dir, Ref: main, Commit: head.String(), Tag: "1.0.0", TagCommit: tagged.String()}
	s := openStore(t)
	out, err := Stage(Options{Store: s, Dir: t.TempDir()}).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{pin}})
	if err != nil {
		t.Fatal(err)
	}
	if got := filesOf(t, s, out.Repositories[0].Tagged); len(got) != 1 || got["100644 composer.json"] != "{}" {
		t.Errorf("got %v", got)
	}
}

// TestTreeBomb has ten directories, each the same as the next level's.
func TestTreeBomb(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "r")
	r := newRepository(t, dir)
	id := r.tree([]line{regular("file", "")})
	for range 8 {
		var lines []string
		for _, n := range "0123456789" {
			lines = append(lines, "40000 "+string(n)+"\x00"+string(id[:]))
		}
		id = r.object(2, strings.Join(lines, ""))
	}
	pin := stages.Pin{Name: "sample", URL: "file://" + dir, Ref: main, Commit: r.commit(main, id).String()}
	_, err := Stage(Options{Store: openStore(t), Dir: t.TempDir()}).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{pin}})
	mustBeSourceError(t, err, "more than 1000000 files")
}

// FuzzName wants that no accepted name leaves its directory or is git's folder
// on a file system that folds, normalises, or cuts off the end.
func FuzzName(f *testing.F) {
	for _, seed := range []string{"a", ".", "..", "a/b", `a\b`, ".git", ".GIT ", "git~1", ".g\u200dit", ".git:x", "\ufeff.git", "e\u0301", ".gitignore", "\x00", "...", ".git\u2028"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if checkName(name) != nil {
			return
		}
		if !filepath.IsLocal(name) || strings.ContainsAny(name, "/\\\x00") {
			t.Errorf("%q leaves its directory", name)
		}
		if err := pipeline.ValidPath(name); err != nil && !strings.Contains(err.Error(), "character") && !strings.Contains(err.Error(), "longer") {
			t.Errorf("%q: %v", name, err)
		}
		seen := strings.TrimRight(strings.ToLower(name), ". ")
		if seen == ".git" || seen == "git~1" {
			t.Errorf("%q is git's folder", name)
		}
	})
}

// FuzzTree wants that any bytes are a tree or an error, and that a tree is what
// was written.
func FuzzTree(f *testing.F) {
	f.Add([]byte("100644 a\x0001234567890123456789"))
	f.Add([]byte("40000 dir\x000123456789012345678940755 b\x0001234567890123456789"))
	f.Add([]byte("100644 a\x00short"))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := parseTree(data)
		if err != nil {
			return
		}
		size := 0
		for _, e := range entries {
			if strings.Contains(e.name, "\x00") {
				t.Errorf("%q", e.name)
			}
			size += len(e.name) + 1 + len(e.id) + 1 // and at least one digit of the mode
		}
		if size+len(entries) > len(data) {
			t.Errorf("%d entries of %d bytes out of %d", len(entries), size, len(data))
		}
		if problems := checkNames("", entries); len(problems) == 0 && slices.ContainsFunc(entries, func(e entry) bool { return e.name == ".." }) {
			t.Error(errors.Join(problems...))
		}
	})
}
