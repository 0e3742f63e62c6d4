package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/stages/publish/page"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
)

// pages makes the files for people and monitors: those at the root, and those of the
// snapshots that this run adds or gives another snapshot before.
func (o Options) pages(ctx context.Context, s target.Source, want desired, r *repository) (map[string][]byte, error) {
	files := map[string][]byte{statusFile: r.status}
	maps.Copy(files, r.history)
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
			b := r.board(m, c)
			if o.Trust != nil {
				root, _ := o.Trust.Root()
				b.Root = r.base + trust.Dir + "/" + root
			}
			if b.Rebuilt, err = o.rebuilds(ctx, s, want, n); err != nil {
				return nil, err
			}
			if err := r.addBoard(files, b, !want.told); err != nil {
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

// addBoard adds the board with its feeds and the badge, and the pages of packages unless they stay as they are.
func (r *repository) addBoard(files map[string][]byte, b page.Board, packages bool) (err error) {
	if files[pageFile], err = b.Draw(); err != nil {
		return err
	}
	feeds, err := page.Feeds(b.Of.Plan.Line.Title, r.base, r.tries)
	if err != nil {
		return err
	}
	maps.Copy(files, feeds)
	if r.lastTry != nil {
		if files[badgeFile], err = r.badge(); err != nil {
			return err
		}
	}
	if !packages {
		return nil
	}
	drawn, err := page.Packages(b.Of.Plan.Line.Title, r.base, r.packagesOf(b.Of))
	maps.Copy(files, drawn)
	return err
}

// addPage adds the page of one snapshot and, if there is one, its comparison.
func addPage(files map[string][]byte, m *releases.Manifest, base string, c *compare.Result) (err error) {
	if files[snapshotFile(m.Snapshot, pageFile)], err = page.DrawSnapshot(m, base, c); err == nil && c != nil {
		files[snapshotFile(m.Snapshot, changesFile)], err = c.JSON()
	}
	return err
}

// board is the front page of a repository, whose newest snapshot has that manifest.
func (r *repository) board(newest *releases.Manifest, changes *compare.Result) page.Board {
	b := page.Board{Of: newest, Base: r.base, Changes: changes, Notes: r.index.Notes(""), Tries: r.tries, At: r.base}
	names := map[string]bool{}
	for _, f := range r.index.Files {
		names[packageOf(f.Name)] = true
	}
	b.Packages = len(names)
	all := slices.Concat(r.snapshots, r.withdrawn)
	slices.SortFunc(all, func(a, b *snapshot) int { return releases.NewestFirst(a.name, b.name) })
	for _, kind := range []releases.SnapshotKind{releases.Release, releases.Night, releases.Addition, releases.Adoption, releases.Preview} {
		of := page.Kind{Kind: kind}
		for _, n := range all {
			if n.name.Kind() == kind {
				of.Snapshots = append(of.Snapshots, page.Snapshot{Name: n.name, State: r.state(n)})
			}
		}
		if len(of.Snapshots) > 0 {
			b.Kinds = append(b.Kinds, of)
		}
	}
	return b
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

// packagesOf are the packages of a repository, whose newest snapshot has that manifest.
func (r *repository) packagesOf(newest *releases.Manifest) []*page.Package {
	built := map[string]releases.ManifestPackage{}
	for _, p := range newest.Packages {
		if _, ok := built[p.Name]; !ok { // else an older version, of a snapshot that has several
			built[p.Name] = p
		}
	}
	all := map[string]*page.Package{}
	for _, file := range r.index.Files {
		name := packageOf(file.Name)
		p := all[name]
		for _, v := range file.Versions {
			if v.Withdrawn {
				continue
			}
			if p == nil {
				p = &page.Package{Name: name, Version: v.Version, Type: file.Type}
				all[name] = p
				describe(p, r.files[file.Name+".json"])
			}
			p.Advisories = append(p.Advisories, file.Said.Advisories...)
			file.Said.Advisories = nil
			if len(p.Versions) == page.ShownVersions {
				p.Older++
				continue
			}
			p.Versions = append(p.Versions, page.Version{Version: v.Version, Snapshot: v.Snapshots[0], Others: len(v.Snapshots) - 1})
		}
	}
	repositories := map[string]string{}
	for _, repository := range newest.Plan.Repositories {
		repositories[repository.Name] = repository.URL
	}
	var list []*page.Package
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p := all[name]
		slices.SortStableFunc(p.Versions, func(a, b page.Version) int { return releases.NewestFirst(a.Snapshot, b.Snapshot) })
		if m, ok := built[name]; ok {
			p.Version, p.Type, p.Commit, p.Directory, p.Repository = m.Version, m.Type, m.Commit, m.Directory, repositories[m.Repository]
			if len(m.Requires) > 0 {
				p.Requires = m.Requires
			}
		} else if last := p.Versions[0].Snapshot; last.Kind() == releases.Night { // others stay for ever
			p.Gone = page.Label(last)
		}
		list = append(list, p)
	}
	return list
}

// A packageSummary is what the metadata of a version says of it.
type packageSummary struct {
	Description string            `json:"description"`
	License     any               `json:"license"` // a text, or a list of which one may be chosen
	Homepage    string            `json:"homepage"`
	Abandoned   any               `json:"abandoned"`
	Require     map[string]string `json:"require"`
}

// describe fills in what the metadata says of the newest version of a package: the first in its file, which is whole.
func describe(p *page.Package, text []byte) {
	var d packageSummary
	if json.Unmarshal(firstVersion(text), &d) != nil {
		return // of an adopted one anything may be anything
	}
	p.Description, p.Homepage, p.Abandoned = d.Description, d.Homepage, d.Abandoned != nil && d.Abandoned != false
	switch license := d.License.(type) {
	case string:
		p.License = []string{license}
	case []any:
		for _, l := range license {
			p.License = append(p.License, fmt.Sprint(l))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Require)) {
		p.Requires = append(p.Requires, releases.Requirement{Name: name, Constraint: d.Require[name]})
	}
}

// firstVersion is the first object in the list of versions of a file of metadata; nil: there is none. What comes after it is
// not read: a mirror has hundreds.
func firstVersion(text []byte) []byte {
	_, rest, found := bytes.Cut(text, []byte(`"packages":{`))
	if !found {
		return nil
	}
	at := bytes.IndexByte(rest, '[')
	if at < 0 {
		return nil
	}
	d := jsontext.NewDecoder(bytes.NewReader(rest[at:]))
	if _, err := d.ReadToken(); err != nil || d.PeekKind() != '{' {
		return nil
	}
	v, err := d.ReadValue()
	if err != nil {
		return nil
	}
	return v
}
