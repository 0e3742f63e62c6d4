package publish

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"html/template"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/stages"
)

//go:embed page/page.html
var pageHTML string

//go:embed page/page.css
var pageStyle string

//go:embed page/page.js
var pageScript string

var pageTemplate = template.Must(template.New(pageFile).Parse(pageHTML))

// A page is what a page for people shows: that of the repository, or that of one
// snapshot. It is a pure function of the repository, so that publishing the same
// snapshot again leaves it unchanged.
type page struct {
	Policy        string        // Content-Security-Policy
	Style, Script template.HTML // of this program, not of a snapshot
	Root          string        // path from the page to the repository's root
	Alone         bool          // a page of one snapshot
	Title         string
	Prefix, Name  string // of the snapshot: "Added on" and 2026-11-24
	Noun          string // that the snapshot is: release, night or addition
	Local         bool   // a local build
	Install       string // command; empty if the line has no project
	Configure     string // command that adds the repository to a project
	Repositories  []pageRepository
	From          pageCount  // how many those are
	Kinds         []pageKind // none on a page of one snapshot
	Packages      []pagePackage
	Changes       *pageChanges // nil: nothing to compare with
}

// A pageRepository is a repository of the snapshot. URLs are empty where the sources
// are not on the web.
type pageRepository struct{ Name, Ref, Commit, Short, URL, CommitURL string }

// The states of a snapshot.
const (
	stateCurrent   = "current"   // the newest that is resolved
	stateKept      = "kept"      // resolved
	stateWithdrawn = "withdrawn" // by a rollback
)

// A pageKind is the snapshots of one kind.
type pageKind struct {
	Heading, Noun string
	Snapshots     []pageSnapshot
}

// A pageSnapshot is a snapshot of the repository; its links are relative to the page.
type pageSnapshot struct{ Name, State, Page, Packages, Manifest string }

// A pagePackage is a package.
type pagePackage struct {
	Name, Version, Type, Command string
	Gone                         string // label of the last night that had it; empty: the page's snapshot has it
	Requires                     []pageRequire
	Versions                     []pageVersion // in the kept snapshots, newest first, if there are others
	Older                        int           // versions that are not shown
}

// A pageVersion is a version of a package and the newest snapshot that has it.
type pageVersion struct{ Version, Snapshot, Page string }

// A pageRequire is one require; Built says that it is on the page itself.
type pageRequire struct {
	releases.Requirement
	Built bool
}

func newPage(r *repository, newest *releases.Manifest, changes *compare.Result) page {
	p := basePage(newest)
	p.Install = installCommand(newest, r.base)
	p.Configure = "composer config repositories.nightly composer " + shellQuote(r.base)
	all := slices.Concat(r.snapshots, r.withdrawn)
	slices.SortFunc(all, func(a, b *snapshot) int { return releases.NewestFirst(a.name, b.name) })
	for _, kind := range []releases.SnapshotKind{releases.Release, releases.Night, releases.Addition} {
		of := pageKind{Heading: words[kind].heading, Noun: kind.String()}
		for _, n := range all {
			if n.name.Kind() == kind {
				of.Snapshots = append(of.Snapshots, pageSnapshot{
					label(n.name), r.state(n), snapshotFile(n.name, pageFile), snapshotFile(n.name, stages.PackagesFile), snapshotFile(n.name, releases.ManifestName),
				})
			}
		}
		if len(of.Snapshots) > 0 {
			p.Kinds = append(p.Kinds, of)
		}
	}
	p.Packages = pagePackages(newest, r.base)
	addVersions(&p, r)
	p.Changes = newPageChanges(changes)
	return p
}

func (r *repository) state(n *snapshot) string {
	switch {
	case slices.Contains(r.withdrawn, n):
		return stateWithdrawn
	case n == r.snapshots[0]:
		return stateCurrent
	}
	return stateKept
}

// newSnapshotPage is the page of one snapshot, whose repository is that snapshot alone.
func newSnapshotPage(m *releases.Manifest, base string, changes *compare.Result) page {
	p := basePage(m)
	p.Alone, p.Root = true, "../../"
	at := base + m.Snapshot.Dir() + "/"
	p.Install = installCommand(m, at)
	p.Configure = "composer config repositories.nightly composer " + shellQuote(at)
	p.Packages = pagePackages(m, at)
	p.Changes = newPageChanges(changes)
	return p
}

func basePage(m *releases.Manifest) page {
	p := page{
		Policy: "default-src 'none'; base-uri 'none'; form-action 'none'" +
			"; style-src '" + sourceHash(pageStyle) + "'; script-src '" + sourceHash(pageScript) + "'",
		Style:  template.HTML("<style>" + pageStyle + "</style>"),    //nolint:gosec // embedded
		Script: template.HTML("<script>" + pageScript + "</script>"), //nolint:gosec // embedded
		Title:  m.Plan.Line.Title,
		Name:   label(m.Snapshot),
		Prefix: words[m.Snapshot.Kind()].prefix,
		Noun:   m.Snapshot.Kind().String(),
		Local:  m.Local,
	}
	if p.Title == "" {
		p.Title = "Nightly builds"
	}
	p.From = countOf(len(m.Plan.Repositories), "repository", "repositories")
	for _, repo := range m.Plan.Repositories {
		p.Repositories = append(p.Repositories, newPageRepository(repo))
	}
	return p
}

func pagePackages(m *releases.Manifest, base string) []pagePackage {
	built := make(map[string]bool, len(m.Packages))
	for _, pkg := range m.Packages {
		built[pkg.Name] = true
	}
	list := make([]pagePackage, 0, len(m.Packages))
	for _, pkg := range m.Packages {
		if n := len(list); n > 0 && list[n-1].Name == pkg.Name {
			continue // an older version, of a snapshot that has several: see addVersions
		}
		row := pagePackage{Name: pkg.Name, Version: pkg.Version, Type: pkg.Type, Command: packageCommand(pkg.Name, pkg.Version, pkg.Type, base)}
		for _, require := range pkg.Requires {
			row.Requires = append(row.Requires, pageRequire{require, built[require.Name]})
		}
		list = append(list, row)
	}
	return list
}

// shownVersions is how many versions of a package are shown: a mirror has
// hundreds, and Composer lists them all.
const shownVersions = 10

// addVersions adds what other snapshots have: other versions, and packages that are
// gone.
func addVersions(p *page, r *repository) {
	rows := map[string]*pagePackage{}
	for i := range p.Packages {
		rows[p.Packages[i].Name] = &p.Packages[i]
	}
	gone := map[string]releases.SnapshotName{} // to the newest snapshot that has it
	for _, file := range r.index.Files {
		name := packageOf(file.Name)
		row := rows[name]
		for _, v := range file.Versions {
			newest := v.Snapshots[0]
			if row == nil {
				row = &pagePackage{Name: name, Version: v.Version, Type: file.Type, Command: packageCommand(name, v.Version, file.Type, r.base)}
				rows[name], gone[name] = row, newest
			}
			if last, ok := gone[name]; ok && releases.NewestFirst(newest, last) < 0 {
				gone[name] = newest
			}
			if len(row.Versions) == shownVersions {
				row.Older++
			} else {
				row.Versions = append(row.Versions, pageVersion{v.Version, label(newest), snapshotFile(newest, pageFile)})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(gone)) {
		if gone[name].Kind() == releases.Night { // others stay for ever
			rows[name].Gone = label(gone[name])
		}
		p.Packages = append(p.Packages, *rows[name])
	}
	for i := range p.Packages {
		if len(p.Packages[i].Versions) == 1 {
			p.Packages[i].Versions = nil
		}
	}
}

func packageCommand(name, version, kind, base string) string {
	if kind == releases.ProjectEdition {
		return createProject(name, version, base)
	}
	return "composer require " + shellQuote(name+":"+version)
}

// installCommand is how to get the line's project: the one that is installed as
// a test, else its first.
func installCommand(m *releases.Manifest, base string) string {
	line := m.Plan.Line
	name := line.Install.Project
	for _, edition := range line.Editions {
		if name == "" && edition.Type == releases.ProjectEdition {
			name = edition.Name
		}
	}
	for _, pkg := range m.Packages {
		if name != "" && pkg.Name == line.Vendor+"/"+name {
			return createProject(pkg.Name, pkg.Version, base)
		}
	}
	return ""
}

func createProject(name, version, base string) string {
	return "composer create-project --repository=" + shellQuote(base) + " " + shellQuote(name+":"+version) + " shop"
}

// newPageRepository links what is on the web.
func newPageRepository(r releases.PlannedRepository) pageRepository {
	row := pageRepository{Name: r.Name, Ref: r.Ref, Commit: r.Commit, Short: short(r.Commit), URL: compare.WebURL(r.URL)}
	for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
		row.Ref = strings.TrimPrefix(row.Ref, prefix)
	}
	if row.URL != "" {
		row.CommitURL = commitURL(row.URL, r.Commit)
	}
	return row
}

// commitURL is where GitHub, GitLab, Gitea and Forgejo all show a commit.
func commitURL(web, commit string) string { return web + "/commit/" + commit }

func short(commit string) string { return commit[:min(10, len(commit))] }

var plainWord = regexp.MustCompile(`^[A-Za-z0-9@%_+=:,./-]+$`)

// shellQuote makes a word of a shell command that means just its text.
func shellQuote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// sourceHash allows one inline style or script: Content Security Policy Level 3,
// "hash-source".
func sourceHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func renderPage(p page) ([]byte, error) {
	var b bytes.Buffer
	err := pageTemplate.Execute(&b, p)
	return b.Bytes(), err
}
