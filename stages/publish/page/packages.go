package page

import (
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/releases/composer"
)

// PackagesDir has the pages of packages, and in its index.html all of them.
const PackagesDir = "pages"

// The files that the pages of packages share.
const (
	styleFile  = PackagesDir + "/page.css"
	searchFile = PackagesDir + "/search.js"
	copyFile   = PackagesDir + "/copy.js"
)

// A Package is one of a repository, as its newest version is.
type Package struct {
	Name, Version, Type, Description string
	License                          []string
	Homepage                         string
	Abandoned                        bool
	Gone                             string // label of the last night that had it; empty: the newest snapshot has it
	// Repository, Commit and Directory are its source; empty if unknown.
	Repository, Commit, Directory string
	Requires                      []releases.Requirement
	Versions                      []Version // newest first
	Older                         int       // versions that are not shown
	Advisories                    []composer.Advisory
}

// A Version is one of a package, with the newest snapshot that has it.
type Version struct {
	Version  string
	Snapshot releases.SnapshotName
	Others   int // snapshots that have it, too
}

// ShownVersions is how many versions of a package are shown: a mirror has hundreds, and Composer lists them all.
const ShownVersions = 30

// File is the page of the package.
func (p *Package) File() string { return PackagesDir + "/" + p.Name + ".html" }

// Web is the repository of the package on the web; empty: it is not there.
func (p *Package) Web() string { return compare.WebURL(p.Repository) }

// Source is the page of what the package was built from.
func (p *Package) Source() string {
	web := p.Web()
	if web == "" || p.Commit == "" {
		return web
	}
	if strings.HasPrefix(web, "https://github.com/") && p.Directory != "" && p.Directory != "." {
		return web + "/tree/" + p.Commit + "/" + p.Directory
	}
	return commit{web, p.Commit}.URL()
}

// pages is what the pages of packages show beside the package.
type packagePage struct {
	head
	*Package
	Title, Base, Top string // Top leads to the root
	RequiredBy       []*Package
	There            map[string]bool // packages that have a page
}

// shared is the head of pages that share their style and scripts.
func shared() head {
	return head{Policy: "default-src 'none'; base-uri 'none'; form-action 'self'; style-src 'self'; script-src 'self'"}
}

// Packages are the pages of all packages of a repository, by their files: one each, the list, and what they share.
func Packages(title, base string, all []*Package) (map[string][]byte, error) {
	there, by := map[string]bool{}, map[string][]*Package{}
	for _, p := range all {
		there[p.Name] = true
		for _, r := range p.Requires {
			by[r.Name] = append(by[r.Name], p)
		}
	}
	texts := make([][]byte, len(all))
	err := pipeline.Each(len(all), drawers, func(i int) (err error) {
		p := all[i]
		texts[i], err = draw("package.html", packagePage{shared(), p, title, base, "../../", by[p.Name], there})
		return err
	})
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{styleFile: []byte(style), searchFile: []byte(searchScript), copyFile: []byte(copyScript)}
	for i, p := range all {
		files[p.File()] = texts[i]
	}
	files[PackagesDir+"/index.html"], err = draw("packages.html", struct {
		head
		Title, Base string
		All         []*Package
	}{shared(), title, base, all})
	return files, err
}

// drawers is how many pages are drawn at once.
const drawers = 4

// Files are the names of the files that Packages gives for packages of these names.
func Files(names []string) []string {
	files := []string{styleFile, searchFile, copyFile, PackagesDir + "/index.html"}
	for _, name := range names {
		files = append(files, (&Package{Name: name}).File())
	}
	return files
}

// A SnapshotPage is the page of one snapshot, whose repository is that snapshot alone.
type SnapshotPage struct {
	head
	Of      *releases.Manifest
	Base    string // URL of the snapshot as a repository of its own
	Changes *compare.Result
	Listed  []releases.ManifestPackage // the newest version of each package
}

// DrawSnapshot draws the page of a snapshot of the repository with that URL. Changes is nil where there is nothing to compare
// with.
func DrawSnapshot(m *releases.Manifest, base string, changes *compare.Result) ([]byte, error) {
	p := SnapshotPage{head: inline(copyScript), Of: m, Base: base + m.Snapshot.Dir() + "/", Changes: changes}
	seen := map[string]bool{}
	for _, pkg := range m.Packages {
		if !seen[pkg.Name] {
			p.Listed = append(p.Listed, pkg)
		}
		seen[pkg.Name] = true
	}
	return draw("snapshot.html", p)
}

// Install gets the line's project; empty: it has none.
func (p SnapshotPage) Install() string { return install(p.Of, p.Base) }

// A Line is what the board of several lines says of one.
type Line struct {
	Title, URL string
	Board
	Problem string // why nothing is known of it; empty: it is
}

// DrawLines draws the board of several lines.
func DrawLines(title string, lines []Line) ([]byte, error) {
	return draw("lines.html", struct {
		head
		Title string
		Lines []Line
	}{inline(boardScript), title, lines})
}
