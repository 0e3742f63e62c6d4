package lines

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/golden"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
)

// goodTagLine uses every key that a line of tags has beside others; each bad line
// is one change to it.
const goodTagLine = `name: mine
vendor: magento
url: https://mirror.example.org/
versions: {policy: tags, skip-tags: []}
data:
  url: https://git.example.org/data.git
  ref: main
  commit: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
repositories:
  - name: shop
    url: https://git.example.org/shop.git
    from: 2.3.7-p2
    tags: <2.5
    extra-tags:
      - tag: 2.4.0-p1
        commit: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
        reason: Upstream forgot it.
    fix-versions:
      - tag: 2.4.1
        reason: The tag lacks them.
        versions:
          magento/module-a: 1.0.1
    packages:
      - directory: .
        exclude: [.gitignore, app/]
        keep:
          - path: .gitignore
            when: 2.4.0 || 2.4.0-p1
        base:
          manifest: {name: magento/base, type: library}
          released: history/base/{tag}.json
          map:
            - {path: .gitignore, deploy: never, when: 2.4.0}
            - {path: dev/tests, deploy: whole, when: 2.4.0 || 2.4.1}
editions:
  - name: product
    type: product
    repository: shop
    description: All of it
    released: history/product/{tag}.json
    released-only: true
edits:
  - package: magento/module-a
    when: ">=1.0 <2.0"
    reason: As released.
    set:
      - {section: require, name: magento/module-b, constraint: 1.0.*}
files:
  - package: magento/module-a
    when: 1.0.1
    path: etc/a.xml
    from: replace/a.xml
    reason: As released.
prebuilt:
  - directory: zips
    reason: Not in git.
  - repository: https://packages.example.org/
    packages: ["acme/*"]
    reason: Not ours.
aliases: other
`

var badTagLines = []struct{ name, old, new string }{
	{"ref", "from: 2.3.7-p2", "ref: main"},
	{"from", "from: 2.3.7-p2", "from: first"},
	{"data without commit", "  commit: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "  commit: main"},
	{"no data", "data:\n  url: https://git.example.org/data.git\n  ref: main\n  commit: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", ""},
	{"extra tag twice", "    fix-versions:", "      - {tag: 2.4.0-p1, commit: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, reason: x}\n    fix-versions:"},
	{"extra tag without reason", "        reason: Upstream forgot it.\n", ""},
	{"fixed version", "magento/module-a: 1.0.1", "magento/module-a: latest"},
	{"fixed package", "magento/module-a: 1.0.1", "module-a: 1.0.1"},
	{"keep what is not excluded", "- path: .gitignore", "- path: .gitattributes"},
	{"keep when", "when: 2.4.0 || 2.4.0-p1", "when: sometimes it is"},
	{"released for every tag", "history/base/{tag}.json", "history/base.json"},
	{"released outside", "history/base/{tag}.json", "../{tag}.json"},
	{"released-only without released", "    released: history/product/{tag}.json\n", ""},
	{"edit when", `when: ">=1.0 <2.0"`, `when: ">>1"`},
	{"file is composer.json", "path: etc/a.xml", "path: composer.json"},
	{"file without when", "    when: 1.0.1\n", ""},
	{"prebuilt twice", "  - directory: zips", "  - directory: zips\n    repository: https://packages.example.org/"},
	{"prebuilt packages of a directory", "  - directory: zips", "  - directory: zips\n    packages: [a/b]"},
	{"aliases", "aliases: other", "aliases: Other Vendor"},
	{"lock", "name: mine\n", "name: mine\nlock: shop\n"},
	{"branches", "policy: tags", "policy: nightly"},
}

func TestTagLine(t *testing.T) {
	line, err := Parse("line.yaml", []byte(goodTagLine))
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, line)
	if err := Check(line); err != nil {
		t.Error(err)
	}
}

func TestBadTagLines(t *testing.T) {
	var got bytes.Buffer
	for _, c := range badTagLines {
		text := strings.Replace(goodTagLine, c.old, c.new, 1)
		if text == goodTagLine {
			t.Fatalf("case %q changes nothing", c.name)
		}
		_, err := Parse("line.yaml", []byte(text))
		var bad *config.Error
		if !errors.As(err, &bad) {
			t.Errorf("%s: %v, want a *config.Error", c.name, err)
			continue
		}
		fmt.Fprintf(&got, "%s\n    %s\n", c.name, strings.ReplaceAll(err.Error(), "\n", "\n    "))
	}
	golden.Compare(t, "testdata/badtags.golden", got.Bytes())
}

// TestForTag: what decides a tag, and only that.
func TestForTag(t *testing.T) {
	line, err := Parse("line.yaml", []byte(goodTagLine))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tag     string
		exclude []string
		fixes   int
		rules   []releases.MapRule
	}{
		{"2.4.0", []string{"app/"}, 0, []releases.MapRule{{Path: ".gitignore", Deploy: "never"}, {Path: "dev/tests", Deploy: "whole"}}},
		{"2.4.0-p1", []string{"app/"}, 0, nil},
		{"2.4.1", []string{".gitignore", "app/"}, 1, []releases.MapRule{{Path: "dev/tests", Deploy: "whole"}}},
	} {
		part, ok := line.ForTag("shop", c.tag)
		if !ok {
			t.Fatalf("%s: no such repository", c.tag)
		}
		r := part.Repositories[0]
		if diff := cmp.Diff(c.exclude, r.Packages[0].Exclude); diff != "" {
			t.Errorf("%s: exclude (-want +got):\n%s", c.tag, diff)
		}
		if diff := cmp.Diff(c.rules, r.Packages[0].Base.Map); diff != "" {
			t.Errorf("%s: rules of the map (-want +got):\n%s", c.tag, diff)
		}
		if len(r.FixVersions) != c.fixes || r.URL != "" || r.From != "" {
			t.Errorf("%s: %+v, want %d fixed versions, no URL and no first tag", c.tag, r, c.fixes)
		}
		roundTrip(t, part)
	}
}

// TestMirrorLines hold the repositories of the two mirrors with their first tags,
// and how many corrections there are.
func TestMirrorLines(t *testing.T) {
	const base = "https://github.com/mage-os/"
	var got strings.Builder
	for _, name := range []string{"mirror", "mageos"} {
		line, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		tags, pins := 0, 0
		for _, r := range line.Repositories {
			fmt.Fprintf(&got, "%s %s %s\n", r.Name, strings.TrimPrefix(r.URL, base), r.From)
			tags += len(r.FixVersions)
			for _, fix := range r.FixVersions {
				pins += len(fix.Versions)
			}
		}
		fmt.Fprintf(&got, "%s: %d repositories, %d fixed versions in %d tags, %d edits, %d files\n\n",
			name, len(line.Repositories), pins, tags, len(line.Edits), len(line.Files))
	}
	golden.Compare(t, "testdata/mirrors.golden", []byte(got.String()))
}
