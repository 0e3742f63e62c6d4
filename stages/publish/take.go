package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// Take reads a snapshot of a repository into a store, as it was built: the very bytes
// that lie there, each compared with the manifest, so that it can be published
// elsewhere without being built again. It reports fs.ErrNotExist for a snapshot that
// is not there.
func (r Repository) Take(ctx context.Context, store pipeline.Store, name releases.SnapshotName) (stages.Snapshot, error) {
	fail := func(err error) (stages.Snapshot, error) {
		return stages.Snapshot{}, fmt.Errorf("take %s from %s: %w", name.Title(), r.source, err)
	}
	s, err := readSwitch(ctx, r.source)
	if err != nil {
		return fail(err)
	}
	if !slices.Contains(s.Nightly.Snapshots, name) {
		return fail(fmt.Errorf("%w: the repository resolves %s", errMissing, s.Nightly.Snapshots))
	}
	m, data, err := r.Manifest(ctx, name)
	if err != nil {
		return fail(err)
	}
	if m.Plan.Adopted {
		return fail(errors.New("it was adopted, not built: copy the repository, or adopt it there"))
	}
	all := filesOf(m, data)
	paths := slices.Sorted(maps.Keys(all))
	files := make([]pipeline.File, len(paths))
	err = pipeline.Each(len(paths), writers, func(i int) (err error) {
		files[i], err = r.take(ctx, store, name, s.Nightly.URL, all[paths[i]])
		return err
	})
	if err != nil {
		return fail(err)
	}
	tree, err := store.Save(ctx, files)
	if err != nil {
		return fail(err)
	}
	return described(m, tree), nil
}

// take reads one file and undoes what publishing did to it.
func (r Repository) take(ctx context.Context, store pipeline.Store, name releases.SnapshotName, base string, want pipeline.File) (pipeline.File, error) {
	data, err := r.File(ctx, name, want.Path)
	if err == nil {
		data, err = unplace(want.Path, data, base, name)
	}
	if err != nil {
		return want, err
	}
	if got := pipeline.DigestOf(data); got != want.Digest {
		return want, fmt.Errorf("%s: its SHA-256 is %s, the manifest says %s; the repository there is damaged", want.Path, got, want.Digest)
	}
	want.Mode = pipeline.Regular
	want.Digest, want.Size, err = store.Add(ctx, bytes.NewReader(data))
	return want, err
}

// File reads a file of a snapshot as it is published, by its path in the manifest. All
// snapshots share the dists.
func (r Repository) File(ctx context.Context, name releases.SnapshotName, path string) ([]byte, error) {
	if !strings.HasPrefix(path, stages.DistsDir+"/") {
		path = snapshotFile(name, path)
	}
	return target.Read(ctx, r.source, path)
}

// described is what the manifest says of a snapshot.
func described(m *releases.Manifest, tree pipeline.Tree) stages.Snapshot {
	line := m.Plan.Line
	n := stages.Snapshot{Name: m.Snapshot, Local: m.Local, WorkTree: m.Plan.WorkTree(), URL: line.URL, Keep: line.Keep, Tree: tree}
	for _, p := range m.Packages {
		n.Packages = append(n.Packages, stages.SnapshotPackage{Name: p.Name, Version: p.Version, Type: p.Type, Dist: p.Dist.Path})
		if p.Type == string(stages.Project) && composer.Name(p.Name).Project() == line.Install.Project {
			n.Project, n.Version = p.Name, p.Version
		}
	}
	return n
}

// Files reads what a snapshot's folder has at a repository, beside Composer's metadata
// and the pages: the manifest, and what was attested of it. The keys are file names.
func Files(ctx context.Context, t target.Target, snapshot releases.SnapshotName) (map[string][]byte, error) {
	entries, err := t.List(ctx, snapshot.Dir())
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, e := range entries {
		name := e.Name[strings.LastIndexByte(e.Name, '/')+1:]
		if e.Dir || slices.Contains([]string{stages.PackagesFile, versionsFile, changesFile, pageFile}, name) || strings.HasPrefix(name, ".") {
			continue
		}
		if files[name], err = target.Read(ctx, t, snapshotFile(snapshot, name)); err != nil {
			return nil, err
		}
	}
	return files, nil
}
