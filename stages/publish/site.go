package publish

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// A Site is a repository without its dists, for a host that has no room for them:
// GitHub Pages takes a gigabyte. It is made of what a target has, and its dists are
// those of that target; so nobody has to bring back the site of yesterday.
type Site struct {
	From   string // the target that has everything
	To     string // a folder that is deployed as a whole
	URL    string // base URL of the site
	DryRun bool
}

// Site writes the repository that a target has, as another one that shares its
// dists: all nights, their pages, and the metadata that is within its grace period.
func (o Options) Site(ctx context.Context, s Site) (p stages.Publication, err error) {
	o = o.withDefaults()
	base, err := stages.BaseURL(s.URL)
	if err != nil {
		return p, err
	}
	if _, ok := target.Folder(s.To); !ok {
		return p, fmt.Errorf("a site is written to a folder, not to %s; deploy the folder with the host's own means", s.To)
	}
	from, err := target.Open(ctx, s.From, o.Target)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	r, files, err := o.siteOf(ctx, from, base)
	if err != nil {
		return p, fmt.Errorf("make a site of %s: %w", from, err)
	}
	to, err := target.Open(ctx, s.To, o.Target)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	return o.writeSite(ctx, to, r, files, s.DryRun)
}

// siteOf makes all files of a site.
func (o Options) siteOf(ctx context.Context, from target.Target, base string) (*repository, map[string][]byte, error) {
	before, err := o.readTarget(ctx, from, "", seal{})
	if err != nil {
		return nil, nil, err
	}
	if len(before.key.Snapshots) == 0 {
		return nil, nil, errors.New("nothing is published there")
	}
	pick := func(list []string) (snapshots []*snapshot) {
		for _, n := range before.all {
			if slices.Contains(list, n.name) {
				snapshots = append(snapshots, n)
			}
		}
		return snapshots
	}
	r := &repository{base: base, snapshots: pick(before.key.Snapshots), withdrawn: pick(before.key.Withdrawn), live: before.all, lastGood: before.lastGood, lastTry: before.lastTry}
	if r.metadata, _, err = mergeOnto(ctx, before.metadata, r.snapshots, base); err != nil {
		return nil, nil, err
	}
	if err := r.write(); err != nil {
		return nil, nil, err
	}
	files := map[string][]byte{stages.PackagesFile: r.packages, statusFile: r.status}
	addFolder(files, metaDir+"/"+r.metadata.name, r.files)
	// Publishing asks of few folders what they hold; a site has all of them.
	all, err := readMerged(ctx, from, func(string) bool { return false })
	if err != nil {
		return nil, nil, err
	}
	for _, m := range all {
		snapshots := pick(m.snapshots)
		if len(snapshots) != len(m.snapshots) || len(snapshots) == 0 {
			continue // one of its nights was given up
		}
		old, _, err := mergeOnto(ctx, before.metadata, snapshots, base)
		if err != nil {
			return nil, nil, err
		}
		addFolder(files, metaDir+"/"+old.name, old.files)
	}
	for _, n := range before.all {
		if err := addSnapshot(ctx, files, from, n, before.key.URL, base); err != nil {
			return nil, nil, err
		}
	}
	if err := addSeal(ctx, files, from); err != nil {
		return nil, nil, err
	}
	if files[badgeFile], err = encode((&Status{Snapshot: r.snapshots[0].name, LastTry: r.lastTry}).badge()); err != nil {
		return nil, nil, err
	}
	m, err := r.snapshots[0].manifest(ctx)
	if err != nil {
		return nil, nil, err
	}
	newest, err := readChanges(ctx, from, r.snapshots[0].name)
	if err != nil {
		return nil, nil, err
	}
	files[pageFile], err = renderPage(newPage(r, m, newest))
	return r, files, err
}

func addFolder(files map[string][]byte, dir string, more map[string][]byte) {
	for name, data := range more {
		files[path.Join(dir, name)] = data
	}
}

// addSnapshot adds the folder of a night. Its metadata is made of one file, because to
// read a night's thousand from a bucket takes long.
func addSnapshot(ctx context.Context, files map[string][]byte, from target.Source, n *snapshot, was, base string) error {
	all, err := n.versions(ctx)
	if err != nil {
		return err
	}
	metadata, err := all.files()
	if err != nil {
		return err
	}
	addFolder(files, snapshotFile(n.name, stages.MetadataDir), metadata)
	for _, name := range []string{stages.PackagesFile, releases.ManifestName} {
		data, err := target.Read(ctx, from, snapshotFile(n.name, name))
		if err != nil {
			return err
		}
		if name == stages.PackagesFile {
			if data, err = stages.Rebase(data, was, base); err != nil {
				return err
			}
		}
		files[snapshotFile(n.name, name)] = data
	}
	changes, err := readChanges(ctx, from, n.name)
	if err != nil {
		return err
	}
	if changes != nil {
		if files[snapshotFile(n.name, changesFile)], err = changes.JSON(); err != nil {
			return err
		}
	}
	if err := addAttested(ctx, files, from, n.name); err != nil {
		return err
	}
	m, err := n.manifest(ctx)
	if err != nil {
		return err
	}
	files[snapshotFile(n.name, pageFile)], err = renderPage(newSnapshotPage(m, base, changes))
	return err
}

// writeSite brings a folder to those files.
func (o Options) writeSite(ctx context.Context, to target.Target, r *repository, files map[string][]byte, dry bool) (p stages.Publication, err error) {
	if err := mine(ctx, to); err != nil {
		return p, err
	}
	if !dry {
		held, release, err := to.Lock(ctx, target.Holder{Name: o.Owner, Since: o.Now})
		if err != nil {
			return p, err
		}
		defer func() { p, err = released(p, err, context.Cause(held), release()) }()
		ctx = held
	}
	w := o.writer(to, dry)
	if err := w.look(ctx, "."); err != nil {
		return p, err
	}
	for _, data := range files {
		w.total += int64(len(data))
	}
	if err := w.putFolder(ctx, "", files, stages.PackagesFile); err != nil {
		return p, err
	}
	var unused []string
	for _, name := range slices.Sorted(maps.Keys(w.there)) {
		top, _, below := strings.Cut(name, "/")
		if _, wanted := files[name]; !wanted && below && !w.there[name].Dir && slices.Contains(append(releases.SnapshotDirs(), metaDir), top) {
			unused = append(unused, name)
		}
	}
	if err := w.remove(ctx, [][]string{unused}); err != nil {
		return p, err
	}
	return w.publication(r, nil), nil
}
