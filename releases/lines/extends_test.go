package lines

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
)

// writeLines writes files to a folder of the test.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestExtendOurs: a line that extends one of ours and changes one repository differs
// from it in that.
func TestExtendOurs(t *testing.T) {
	want, err := Load("nightly")
	if err != nil {
		t.Fatal(err)
	}
	dir := writeFiles(t, map[string]string{"mine.yaml": `
extends: nightly
name: mine
url: https://nightly.example.org/
repositories:
  - {name: inventory, url: "https://git.example.org/inventory.git", ref: feature/x}
`})
	got, err := Load(filepath.Join(dir, "mine.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want.Name, want.URL = "mine", "https://nightly.example.org/"
	want.Repositories[2].URL, want.Repositories[2].Ref = "https://git.example.org/inventory.git", "feature/x"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	if err := With(got, "inventory=https://git.example.org/fork.git#main"); err != nil {
		t.Fatal(err)
	}
	want.Repositories[2].URL, want.Repositories[2].Ref, want.Repositories[2].Local = "https://git.example.org/fork.git", "main", true
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("with another source (-want +got):\n%s", diff)
	}
	if err := Check(got); err != nil {
		t.Error(err)
	}
}

// TestWrittenLine: what is written of an effective line is that line.
func TestWrittenLine(t *testing.T) {
	for _, name := range Names() {
		want, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := YAML(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(name+".yaml", text)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// base is what the lines of TestExtends extend.
const base = `name: base
vendor: acme
rename: {magento: acme, other: acme}
url: https://nightly.example.org/
lock: shop
versions: {skip-tags: [a*]}
repositories:
  - {name: shop, url: "https://git.example.org/shop.git", ref: main, packages: [{each: lib, exclude: [x/]}, {directory: shop}]}
  - {name: tools, url: "https://git.example.org/tools.git", ref: main, packages: [{directory: .}]}
editions:
  - name: product
    type: product
    repository: shop
    description: All of it
    require: [{package: a/a, constraint: "*"}, {package: b/b, constraint: "*"}]
edits:
  - {package: a/a, reason: One, remove: [{section: require, name: c/c}]}
  - {package: a/a, when: ">2", reason: Two, remove: [{section: require, name: c/c}]}
`

func TestExtends(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       func(l *releases.Line) string // what is looked at
		is         string
	}{
		{"nothing else", "", func(l *releases.Line) string { return l.Name + " " + l.Title + " " + l.Lock }, "base base shop"},
		{"a key", "title: Mine", func(l *releases.Line) string { return l.Name + " " + l.Title }, "base Mine"},
		{"a key of a mapping", "rename: {third: acme}", func(l *releases.Line) string { return fmt.Sprint(l.Rename) }, "map[magento:acme other:acme third:acme]"},
		{"a key that is taken out", "rename: {other: null}\nlock: null", func(l *releases.Line) string { return fmt.Sprintf("%v %q", l.Rename, l.Lock) }, `map[magento:acme] ""`},
		{"a list", "versions: {skip-tags: [b*]}", func(l *releases.Line) string { return fmt.Sprint(l.Versions) }, "{nightly 0.0.1 [b*]}"},
		{"a repository", "repositories: [{name: tools, ref: x}]", repositories, "shop main 2, tools x 1"},
		{"a new repository", "repositories: [{name: new, url: 'file:///new', ref: x, packages: [{directory: .}]}]", repositories, "shop main 2, tools main 1, new x 1"},
		{"a new repository behind another", "repositories: [{name: shop}, {name: new, url: 'file:///new', ref: x, packages: [{directory: .}]}]",
			repositories, "shop main 2, new x 1, tools main 1"},
		{"a repository in the place of another", "repositories: [{name: shop, drop: true}, {name: new, url: 'file:///new', ref: x, packages: [{directory: .}]}]\nlock: null\neditions: [{name: product, repository: new}]",
			repositories, "new x 1, tools main 1"},
		{"a repository less", "repositories: [{name: tools, drop: true}]", repositories, "shop main 2"},
		{"packages", "repositories: [{name: shop, packages: [{each: lib, exclude: [y/]}, {directory: new}, {directory: shop, drop: true}]}]",
			func(l *releases.Line) string { return fmt.Sprint(l.Repositories[0].Packages) }, "[{lib   [y/] [] false <nil>} { new  [] [] false <nil>}]"},
		{"requires", "editions: [{name: product, require: [{package: a/a, latest-tag: 'file:///a'}, {package: c/c, constraint: ^1}]}]",
			func(l *releases.Line) string { return fmt.Sprintln(l.Editions[0].Require, l.Editions[0].Description) }, "[{a/a  file:///a} {c/c ^1 } {b/b * }] All of it\n"},
		{"edits", "edits: [{package: a/a, when: '>2', reason: Three}, {package: a/a, drop: true}]", func(l *releases.Line) string { return fmt.Sprintln(len(l.Edits), l.Edits[0].Reason) }, "1 Three\n"},
		{"several", "extends: [base.yaml, other.yaml]\nname: mine", func(l *releases.Line) string { return l.Name + " " + l.Title + " " + repositories(l) }, "mine Other shop y 2, tools main 1"},
		{"a chain", "extends: other.yaml", func(l *releases.Line) string { return l.Title + " " + repositories(l) }, "Other shop y 2, tools main 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := c.line
			if !strings.HasPrefix(text, "extends") {
				text = "extends: base.yaml\n" + text
			}
			dir := writeFiles(t, map[string]string{"base.yaml": base, "mine.yaml": text,
				"other.yaml": "extends: base.yaml\ntitle: Other\nrepositories: [{name: shop, ref: y}]"})
			line, err := Load(filepath.Join(dir, "mine.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			if got := c.want(line); got != c.is {
				t.Errorf("got  %s\nwant %s", got, c.is)
			}
			roundTrip(t, line)
		})
	}
}

func repositories(l *releases.Line) string {
	var texts []string
	for _, r := range l.Repositories {
		texts = append(texts, fmt.Sprintf("%s %s %d", r.Name, r.Ref, len(r.Packages)))
	}
	return strings.Join(texts, ", ")
}

func TestExtendsErrors(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"no such line", "extends: nightli", `DIR/mine.yaml:1:10: extends: there is no line "nightli", did you mean nightly?; a file is named with its ending`},
		{"no such file", "extends: no.yaml", "DIR/mine.yaml:1:10: extends: open DIR/no.yaml: no such file or directory"},
		{"no text", "extends: {a: b}", "DIR/mine.yaml:1:11: extends: want the name of a line, a file, or a list of them"},
		{"a circle", "extends: circle.yaml", "DIR/circle.yaml:1:10: extends: a circle: DIR/mine.yaml extends DIR/circle.yaml extends DIR/mine.yaml"},
		{"too many", "extends: [" + strings.Repeat("base.yaml,", 17) + "]", "DIR/mine.yaml:1:171: extends: the line is made of more than 16 files"},
		{"broken below", "extends: broken.yaml", "DIR/broken.yaml:2:1: is no YAML: found character '\t' that cannot start any token; indent with blanks: YAML takes no tabs"},
		{"wrong below and above", "extends: wrong.yaml\nkeep: 0",
			"DIR/mine.yaml:2:7: keep: 0: want a number of nights from 1 to 3660\nDIR/wrong.yaml:2:1: lokc: unknown key, did you mean lock?\nDIR/wrong.yaml:3:35: repositories[tools].ref: is 2.4, want text: put it in quotes"},
		{"not whole", "extends: base.yaml\nrepositories: [{name: new, ref: x}]", "DIR/mine.yaml:2:17: repositories[new].packages: is missing: no package, no edition and no lock is taken from this repository\n" +
			"DIR/mine.yaml:2:17: repositories[new].url: is missing: its URL: https://, ssh://, file://, embedded: (carried in the program), or organization: and a repository that organization.yaml lists"},
		{"dropped twice", "extends: base.yaml\nrepositories: [{name: tols, drop: true, url: 'file:///x', ref: x, packages: [{directory: .}]}]",
			"DIR/mine.yaml:2:35: repositories[tols].drop: what the line extends has no such entry that could be dropped"},
		{"a repository twice", "extends: base.yaml\nrepositories: [{name: tools, ref: x}, {name: tools, url: 'file:///x', ref: y, packages: [{directory: .}]}]",
			"DIR/mine.yaml:2:46: repositories[tools].name: an earlier repository is named tools too; names differ in more than their case"},
		{"nothing to take out", "extends: base.yaml\nkep: null\ntitle: null",
			"DIR/mine.yaml:2:1: kep: unknown key, did you mean keep?\nDIR/mine.yaml:3:8: title: is empty, want text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := writeFiles(t, map[string]string{"base.yaml": base, "mine.yaml": c.line, "circle.yaml": "extends: mine.yaml",
				"broken.yaml": "name: x\n\tvendor: y", "wrong.yaml": "extends: base.yaml\nlokc: tools\nrepositories: [{name: tools, ref: 2.4}]"})
			_, err := Load(filepath.Join(dir, "mine.yaml"))
			if diff := cmp.Diff(c.want, strings.ReplaceAll(fmt.Sprint(err), dir, "DIR")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
