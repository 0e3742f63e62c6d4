package build

import (
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
)

// split are the directories of a shop that are deployed entry by entry, because
// a shop or another package has files of its own in them. All others are
// deployed whole, and so is what a later release adds to these. Source: the maps of all
// official base packages, 2.0.0 to 2.4.9-beta1. Those before 2.2.3 split dev/tests/js
// too; what is else different in some versions a line says (releases.MapRule).
var split = []string{
	".",
	"app",
	"app/design",
	"app/design/adminhtml",
	"app/design/frontend",
	"app/etc",
	"bin",
	"dev",
	"dev/tests",
	"dev/tests/api-functional",
	"dev/tests/api-functional/testsuite",
	"dev/tests/functional",
	"dev/tests/functional/testsuites",
	"dev/tests/integration",
	"dev/tests/integration/testsuite",
	"dev/tests/static",
	"dev/tests/static/testsuite",
	"dev/tests/unit",
	"lib",
	"lib/internal",
	"lib/web",
	"pub",
	"pub/media",
	"pub/media/customer",
	"pub/media/downloadable",
	"pub/media/theme_customization",
	"pub/static",
	"var",
	"vendor",
}

// undeployed are never in an official map: README.md is the shop's, and the
// directories are the places of packages of their own.
var undeployed = []string{"README.md", "app/code", "app/i18n"}

// themes is where empty directories are deployed: of those that are added to
// the official packages, only its own are in their maps.
const themes = "app/design/"

// A layout has the paths of a package: its files, and the directories above them.
type layout struct {
	// children maps a directory to the names in it, "." to those of the root.
	children map[string][]string
	paths    map[string]bool // files and directories
	hollow   map[string]bool // directories without a file below them
	empty    []string        // the hollow ones that were added
}

// newLayout is that of files and of the directories to add; those that hold a file are
// not empty and left out, and so are those that would lie below a file.
func newLayout(files []pipeline.File, add []string) *layout {
	t := &layout{children: map[string][]string{}, paths: map[string]bool{}, hollow: map[string]bool{}}
	for _, f := range files {
		t.insert(f.Path, false)
	}
	for _, dir := range add {
		if dir = path.Clean(dir); t.paths[dir] || t.belowFile(dir) {
			continue
		}
		t.insert(dir, true)
		t.empty = append(t.empty, dir)
	}
	return t
}

func (t *layout) insert(p string, hollow bool) {
	for p != "." && !t.paths[p] {
		t.paths[p], t.hollow[p] = true, hollow
		dir, name := path.Split(p)
		dir = path.Clean(dir)
		t.children[dir] = append(t.children[dir], name)
		p = dir
	}
}

// belowFile reports whether a directory above is a file.
func (t *layout) belowFile(p string) bool {
	for p = path.Dir(p); p != "."; p = path.Dir(p) {
		if t.paths[p] && !t.hollow[p] && len(t.children[p]) == 0 {
			return true
		}
	}
	return false
}

// mapping is extra.map: pairs of a path in the package and the same path in the
// project, in byte order. Every path is in the tree. The rules are those of the line.
func (t *layout) mapping(rules ...releases.MapRule) [][2]string {
	pairs := [][2]string{}
	ruled := func(p, deploy string) bool {
		return slices.ContainsFunc(rules, func(r releases.MapRule) bool { return path.Clean(r.Path) == p && r.Deploy == deploy })
	}
	var walk func(dir string)
	walk = func(dir string) {
		for _, name := range t.children[dir] {
			p := path.Join(dir, name)
			switch {
			case slices.Contains(undeployed, p), ruled(p, releases.DeployNever):
			case slices.Contains(split, p) && len(t.children[p]) > 0 && !ruled(p, releases.DeployWhole):
				walk(p)
			case t.hollow[p] && !strings.HasPrefix(p, themes):
			default:
				pairs = append(pairs, [2]string{p, p})
			}
		}
	}
	walk(".")
	slices.SortFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return pairs
}
