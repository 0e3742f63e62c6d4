package publish

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"html/template"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
)

// pages makes the files for people and monitors: those at the root, and those of the
// snapshots that this run adds or gives another snapshot before.
func (o Options) pages(ctx context.Context, s target.Source, want desired, r *repository) (map[string][]byte, error) {
	files := map[string][]byte{statusFile: r.status}
	maps.Copy(files, r.history)
	if r.lastTry != nil {
		var err error
		if files[badgeFile], err = r.badge(); err != nil {
			return nil, err
		}
	}
	for i, n := range r.snapshots {
		drawn := want.add != nil && (n == want.add || i+1 < len(r.snapshots) && r.snapshots[i+1] == want.add)
		if i > 0 && !drawn {
			continue
		}
		c, err := o.changes(ctx, s, r, i)
		if err != nil {
			return nil, err
		}
		if n == want.add && c != nil {
			r.changes = c.Before.Snapshot.Title() + ": " + c.Summary()
		}
		m, err := n.manifest(ctx)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			p := newPage(r, m, c)
			if o.Trust != nil {
				root, _ := o.Trust.Root()
				p.Root = r.base + trust.Dir + "/" + root
			}
			if p.Rebuilt, err = o.rebuilds(ctx, s, want, n); err != nil {
				return nil, err
			}
			if files[pageFile], err = renderPage(p); err != nil {
				return nil, err
			}
		}
		if drawn {
			if err := addPage(files, m, r.base, c); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// addPage adds the page of one snapshot and, if there is one, its comparison.
func addPage(files map[string][]byte, m *releases.Manifest, base string, c *compare.Result) (err error) {
	if files[snapshotFile(m.Snapshot, pageFile)], err = renderPage(newSnapshotPage(m, base, c)); err == nil && c != nil {
		files[snapshotFile(m.Snapshot, changesFile)], err = c.JSON()
	}
	return err
}

//go:embed page/page.html
var pageHTML string

//go:embed page/page.css
var pageStyle string

//go:embed page/page.js
var pageScript string

var pageTemplate = template.Must(template.New(pageFile).Funcs(template.FuncMap{
	"label": label, "quote": shellQuote, "short": short, "web": compare.WebURL, "subject": subject, "few": few,
	"words": func(k releases.SnapshotKind) kindWords { return words[k] },
	"ref": func(name string) string {
		return strings.TrimPrefix(strings.TrimPrefix(name, "refs/heads/"), "refs/tags/")
	},
	"commit": func(web, id string) pageCommit { return pageCommit{web, id} },
	"github": func(web string) bool { return strings.HasPrefix(web, "https://github.com/") },
	"plural": func(n int, one, more string) string {
		if n == 1 {
			return one
		}
		return more
	},
}).Parse(pageHTML))

// A page is what a page for people shows: that of the repository, or that of one
// snapshot. It is a pure function of the repository, so that publishing the same
// snapshot again leaves it unchanged.
type page struct {
	Policy        string             // Content-Security-Policy
	Style, Script template.HTML      // of this program, not of a snapshot
	Of            *releases.Manifest // the snapshot, or the newest of the repository
	Base          string             // URL of the repository, or of the snapshot as a repository of its own
	Alone         bool               // a page of one snapshot
	Kinds         []pageKind         // none on a page of one snapshot
	Packages      []pagePackage
	Built         map[string]bool // packages that Of has
	Changes       *compare.Result // nil: nothing to compare with
	Notes         []releases.Note
	Rebuilt       *attest.Rebuilds // of the newest snapshot; nil: nobody is asked to build it again
	Root          string           // URL of the root by which it is signed; empty: it is not
}

// RootFile is where the root lies in a project.
func (p page) RootFile() (string, error) { return releases.TrustFile(p.Base) }

// A pageKind is the snapshots of one kind.
type pageKind struct {
	Kind      releases.SnapshotKind
	Snapshots []pageSnapshot
}

// A pageSnapshot is a snapshot of the repository: the newest that is resolved is current,
// others are kept, or withdrawn by a rollback.
type pageSnapshot struct {
	Name  releases.SnapshotName
	State string
}

// A pagePackage is a package.
type pagePackage struct {
	releases.ManifestPackage
	Gone     string        // label of the last night that had it; empty: the page's snapshot has it
	Versions []pageVersion // in the kept snapshots, newest first, if there are others
	Older    int           // versions that are not shown
}

// A pageVersion is a version of a package and the newest snapshot that has it.
type pageVersion struct {
	Version  string
	Snapshot releases.SnapshotName
}

// A pageCommit is a commit of a repository on the web.
type pageCommit struct{ Web, ID string }

// URL is where GitHub, GitLab, Gitea and Forgejo all show a commit; empty: it is not on the web.
func (c pageCommit) URL() string {
	if c.Web == "" {
		return ""
	}
	return c.Web + "/commit/" + c.ID
}

func newPage(r *repository, newest *releases.Manifest, changes *compare.Result) page {
	p := basePage(newest, r.base, changes)
	all := slices.Concat(r.snapshots, r.withdrawn)
	slices.SortFunc(all, func(a, b *snapshot) int { return releases.NewestFirst(a.name, b.name) })
	for _, kind := range []releases.SnapshotKind{releases.Release, releases.Night, releases.Addition, releases.Adoption, releases.Preview} {
		of := pageKind{Kind: kind}
		for _, n := range all {
			if n.name.Kind() == kind {
				of.Snapshots = append(of.Snapshots, pageSnapshot{n.name, r.state(n)})
			}
		}
		if len(of.Snapshots) > 0 {
			p.Kinds = append(p.Kinds, of)
		}
	}
	addVersions(&p, r)
	p.Notes = r.index.Notes("")
	return p
}

func (r *repository) state(n *snapshot) string {
	switch {
	case slices.Contains(r.withdrawn, n):
		return "withdrawn"
	case n == r.snapshots[0]:
		return "current"
	}
	return "kept"
}

// newSnapshotPage is the page of one snapshot, whose repository is that snapshot alone.
func newSnapshotPage(m *releases.Manifest, base string, changes *compare.Result) page {
	p := basePage(m, base+m.Snapshot.Dir()+"/", changes)
	p.Alone = true
	return p
}

func basePage(m *releases.Manifest, base string, changes *compare.Result) page {
	p := page{
		Policy: "default-src 'none'; base-uri 'none'; form-action 'none'" +
			"; style-src '" + sourceHash(pageStyle) + "'; script-src '" + sourceHash(pageScript) + "'",
		Style:  template.HTML("<style>" + pageStyle + "</style>"),    //nolint:gosec // embedded
		Script: template.HTML("<script>" + pageScript + "</script>"), //nolint:gosec // embedded
		Of:     m, Base: base, Built: map[string]bool{}, Changes: changes, Notes: m.Notes,
	}
	for _, pkg := range m.Packages {
		if !p.Built[pkg.Name] { // else an older version, of a snapshot that has several: see addVersions
			p.Packages = append(p.Packages, pagePackage{ManifestPackage: pkg})
		}
		p.Built[pkg.Name] = true
	}
	return p
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
			if v.Withdrawn {
				continue
			}
			newest := v.Snapshots[0]
			if row == nil {
				row = &pagePackage{ManifestPackage: releases.ManifestPackage{Name: name, Version: v.Version, Type: file.Type}}
				rows[name], gone[name] = row, newest
			}
			if last, ok := gone[name]; ok && releases.NewestFirst(newest, last) < 0 {
				gone[name] = newest
			}
			if len(row.Versions) == shownVersions {
				row.Older++
			} else {
				row.Versions = append(row.Versions, pageVersion{v.Version, newest})
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

// Command gets a package.
func (p page) Command(pkg releases.ManifestPackage) string {
	if pkg.Type == releases.ProjectEdition {
		return "composer create-project --repository=" + shellQuote(p.Base) + " " + shellQuote(pkg.Name+":"+pkg.Version) + " shop"
	}
	return "composer require " + shellQuote(pkg.Name+":"+pkg.Version)
}

// Install gets the line's project: the one that is installed as a test, else its first.
// It is empty if the line has none.
func (p page) Install() string {
	line := p.Of.Plan.Line
	name := line.Install.Project
	for _, edition := range line.Editions {
		if edition.Type == releases.ProjectEdition {
			name = cmp.Or(name, edition.Name)
		}
	}
	for _, pkg := range p.Of.Packages {
		if name != "" && pkg.Name == line.Vendor+"/"+name {
			pkg.Type = releases.ProjectEdition
			return p.Command(pkg)
		}
	}
	return ""
}

func short(commit string) string { return commit[:min(10, len(commit))] }

// few reports whether lists are shown at once: what is longer has to be opened.
func few(lists ...any) bool {
	n := 0
	for _, list := range lists {
		n += reflect.ValueOf(list).Len()
	}
	return n <= 12
}

// A subjectPart is a part of a commit's subject; URL is empty for plain text.
type subjectPart struct{ Text, URL string }

// subject links the pull requests in a commit's subject.
func subject(c compare.Commit) []subjectPart {
	var parts []subjectPart
	rest := c.Subject
	for _, request := range c.PullRequests {
		before, after, found := strings.Cut(rest, "#"+request.Number)
		if !found || compare.WebURL(request.URL) == "" {
			continue
		}
		parts = append(parts, subjectPart{Text: before}, subjectPart{"#" + request.Number, request.URL})
		rest = after
	}
	return append(parts, subjectPart{Text: rest})
}

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
