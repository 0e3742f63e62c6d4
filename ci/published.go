package ci

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

// A published night is one that somebody has, here or on the web.
type published struct {
	manifest   *releases.Manifest
	data       []byte              // its nightly.json
	repository *publish.Repository // nil: there is only the manifest
	close      func() error
}

// openPublished reads a night by the URL or path of its manifest or folder, or of a
// repository, of which it is the current night. The caller closes it.
func openPublished(ctx context.Context, env *factory, at string) (*published, error) {
	place, query, _ := strings.Cut(at, "?") // of a bucket
	if base, name, ok := cutSnapshot(filepath.ToSlash(place)); ok {
		return openSnapshot(ctx, env, withQuery(base, query), name)
	}
	if info, err := os.Stat(at); strings.HasSuffix(place, releases.ManifestName) || err == nil && info.Mode().IsRegular() {
		return openManifest(ctx, place)
	}
	return openSnapshot(ctx, env, at, "")
}

// cutSnapshot cuts the place of a snapshot's folder or manifest, a URL or a path, into
// its repository and its name.
func cutSnapshot(place string) (repository string, name releases.SnapshotName, ok bool) {
	folder := strings.TrimSuffix(strings.TrimSuffix(place, releases.ManifestName), "/")
	parent, base, _ := cutLast(folder)
	repository, dir, inside := cutLast(parent)
	found, rest, ok := releases.CutSnapshotDir(dir + "/" + base)
	if !ok || rest != "" {
		return "", "", false
	}
	if !inside {
		repository = "."
	}
	return repository, found, true
}

func withQuery(base, query string) string {
	if query == "" {
		return base
	}
	return base + "?" + query
}

func isWeb(at string) bool {
	return strings.HasPrefix(at, "http://") || strings.HasPrefix(at, "https://")
}

// openSource opens a repository to read from; the caller closes it.
func (env *factory) openSource(ctx context.Context, at string) (target.Source, func() error, error) {
	if isWeb(at) {
		source, err := target.OpenWeb(at, newClient())
		return source, func() error { return nil }, err
	}
	t, err := target.Open(ctx, at, env.targets())
	if err != nil {
		return nil, nil, err
	}
	return t, t.Close, nil
}

// openSnapshot reads a snapshot of a repository; an empty name is the current one's.
func openSnapshot(ctx context.Context, env *factory, at string, snapshot releases.SnapshotName) (*published, error) {
	source, closeSource, err := env.openSource(ctx, at)
	if err != nil {
		return nil, err
	}
	p, err := readSnapshot(ctx, source, snapshot)
	if err != nil {
		return nil, errors.Join(err, closeSource())
	}
	p.close = closeSource
	return p, nil
}

func readSnapshot(ctx context.Context, source target.Source, snapshot releases.SnapshotName) (*published, error) {
	r := publish.Read(source)
	snapshots, err := r.Snapshots(ctx)
	if err != nil {
		return nil, notThere(source, err)
	}
	if snapshot == "" {
		if len(snapshots) == 0 {
			return nil, usagef("%s has no snapshots; was it published by this program?", source)
		}
		snapshot = snapshots[0]
	}
	m, data, err := r.Manifest(ctx, snapshot)
	if err != nil {
		return nil, notThere(source, err)
	}
	return &published{manifest: m, data: data, repository: &r}, nil
}

// notThere makes a mistake of the user of a repository or night that is not there.
func notThere(source target.Source, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return usagef("%w; give a published repository, or a snapshot of one, as %s/nights/2026-11-24", err, strings.TrimRight(source.String(), "/"))
	}
	return &releases.SourceError{Repository: "published", URL: source.String(), Err: err}
}

// openManifest reads a manifest that lies alone.
func openManifest(ctx context.Context, at string) (*published, error) {
	p := &published{close: func() error { return nil }}
	var err error
	if isWeb(at) {
		base, name, _ := cutLast(at)
		var source target.Source
		if source, err = target.OpenWeb(base, newClient()); err == nil {
			p.data, err = target.Read(ctx, source, name)
		}
	} else {
		p.data, err = files.Read(at, files.Large)
	}
	if err != nil {
		return nil, usagef("read the manifest of a night: %w", err)
	}
	p.manifest, err = releases.ParseManifest(p.data)
	return p, err
}

func cutLast(at string) (base, name string, found bool) {
	i := strings.LastIndexByte(at, '/')
	if i < 0 {
		return "", at, false
	}
	return at[:i], at[i+1:], true
}

// findSnapshot reads the night that somebody means: a URL or path as for openPublished,
// or within a repository a date or a version.
func findSnapshot(ctx context.Context, env *factory, in, what string) (*published, error) {
	if strings.ContainsAny(what, "/") || strings.HasSuffix(what, ".json") {
		return openPublished(ctx, env, what)
	}
	if info, err := os.Stat(what); err == nil && info.IsDir() {
		return openPublished(ctx, env, what)
	}
	if name, err := releases.ParseSnapshotName(what); err == nil && name.Kind() != releases.Release {
		return openSnapshot(ctx, env, in, name)
	}
	source, closeSource, err := env.openSource(ctx, in)
	if err != nil {
		return nil, err
	}
	p, err := snapshotOfVersion(ctx, source, what)
	if err != nil {
		return nil, errors.Join(err, closeSource())
	}
	p.close = closeSource
	return p, nil
}

// snapshotOfVersion finds the newest night that has a package of that version.
func snapshotOfVersion(ctx context.Context, source target.Source, version string) (*published, error) {
	snapshots, err := publish.Read(source).Snapshots(ctx)
	if err != nil {
		return nil, notThere(source, err)
	}
	for _, snapshot := range snapshots {
		p, err := readSnapshot(ctx, source, snapshot)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(p.manifest.Packages, func(pkg releases.ManifestPackage) bool { return pkg.Version == version }) {
			return p, nil
		}
	}
	return nil, usagef("no night of %s has a package of version %s; give a date, as 2026-11-24, a version, or a manifest", source, version)
}

// snapshotBefore reads the night before another one of a repository: the next older
// one of the same line, since a release line may share the repository.
func snapshotBefore(ctx context.Context, p *published) (*published, error) {
	if p.repository == nil {
		return nil, usagef("a manifest alone does not tell what was before it; give both nights")
	}
	snapshots, err := p.repository.Snapshots(ctx)
	if err != nil {
		return nil, err
	}
	for _, snapshot := range snapshots {
		m, data, err := p.repository.Manifest(ctx, snapshot)
		if err != nil {
			return nil, err
		}
		if m.Plan.Line.Name == p.manifest.Plan.Line.Name && releases.NewestFirst(m.Snapshot, p.manifest.Snapshot) > 0 {
			return &published{manifest: m, data: data, close: func() error { return nil }}, nil
		}
	}
	return nil, usagef("the repository resolves no night of %s before %s", p.manifest.Plan.Line.Name, p.manifest.Snapshot)
}
