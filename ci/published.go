package ci

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/history"
	"github.com/mage-os/nightly/stages/publish/target"
)

// A published snapshot is one that somebody has, here or on the web.
type published struct {
	publish.Found
	repository *publish.Repository // nil: there is only the manifest
	close      func() error
}

// finder finds a snapshot in a repository.
type finder func(context.Context, publish.Repository) (publish.Found, error)

func named(name releases.SnapshotName) finder {
	return func(ctx context.Context, r publish.Repository) (publish.Found, error) { return r.Find(ctx, name) }
}

// openPublished reads a snapshot by the URL or path of its manifest or folder, or of a
// repository, of which it is the current one. The caller closes it.
func openPublished(ctx context.Context, env *factory, at string) (*published, error) {
	place, query, isBucket := strings.Cut(at, "?")
	if base, name, ok := cutSnapshot(filepath.ToSlash(place)); ok {
		if isBucket {
			base += "?" + query
		}
		return openSnapshot(ctx, env, base, named(name))
	}
	if info, err := os.Stat(at); strings.HasSuffix(place, ".json") || err == nil && info.Mode().IsRegular() {
		return openManifest(ctx, place)
	}
	return openSnapshot(ctx, env, at, named(""))
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

func cutLast(at string) (base, name string, found bool) {
	i := strings.LastIndexByte(at, '/')
	if i < 0 {
		return "", at, false
	}
	return at[:i], at[i+1:], true
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

// openSnapshot reads a snapshot of a repository.
func openSnapshot(ctx context.Context, env *factory, at string, find finder) (*published, error) {
	source, closeSource, err := env.openSource(ctx, at)
	if err != nil {
		return nil, err
	}
	r := publish.Read(source)
	found, err := find(ctx, r)
	if err != nil {
		return nil, errors.Join(notThere(source, err), closeSource())
	}
	return &published{found, &r, closeSource}, nil
}

// notThere makes a mistake of the user of a repository or snapshot that is not there.
func notThere(source target.Source, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return usagef("%w; give a published repository, or a snapshot of one, as %s/nights/2026-11-24", err, strings.TrimRight(source.String(), "/"))
	}
	return &releases.SourceError{Repository: "published", URL: source.String(), Err: err}
}

// openManifest reads a manifest that lies alone, or a plan, of which it makes one without packages.
func openManifest(ctx context.Context, at string) (*published, error) {
	data, err := readFile(ctx, at)
	if err != nil {
		return nil, usagef("read the manifest of a snapshot, or a plan: %w; give its file or URL, or a date with --in REPOSITORY", err)
	}
	var kind struct {
		Plan json.RawMessage `json:"plan"` // of a manifest
	}
	if err := json.Unmarshal(data, &kind); err == nil && kind.Plan == nil {
		plan, err := releases.ParsePlan(data)
		if err != nil {
			return nil, usagef("%s: %w", at, err)
		}
		return ofPlan(plan), nil
	}
	p := &published{close: func() error { return nil }}
	p.Data = data
	p.Manifest, err = releases.ParseManifest(data)
	return p, err
}

// readFile reads a file by its URL or path.
func readFile(ctx context.Context, at string) ([]byte, error) {
	if !isWeb(at) {
		return files.Read(at, files.Large)
	}
	base, name, _ := cutLast(at)
	source, err := target.OpenWeb(base, newClient())
	if err != nil {
		return nil, err
	}
	return target.Read(ctx, source, name)
}

// findSnapshot reads the snapshot that somebody means: a URL or path as for openPublished,
// or within a repository a date, a version, or the name of a try that failed.
func findSnapshot(ctx context.Context, env *factory, in, what string) (*published, error) {
	if strings.ContainsAny(what, "/") || strings.HasSuffix(what, ".json") {
		return openPublished(ctx, env, what)
	}
	if info, err := os.Stat(what); err == nil && info.IsDir() {
		return openPublished(ctx, env, what)
	}
	find := func(ctx context.Context, r publish.Repository) (publish.Found, error) { return r.OfVersion(ctx, what) }
	if name, err := releases.ParseSnapshotName(what); err == nil && name.Kind() != releases.Release {
		find = named(name)
	}
	found, err := openSnapshot(ctx, env, in, find)
	if errors.Is(err, fs.ErrNotExist) {
		if try, errTry := openTry(ctx, env, in, what); errTry == nil {
			return try, nil
		}
	}
	return found, err
}

// openTry reads the plan of a try that published nothing, by its name or that of the night that it would have been.
func openTry(ctx context.Context, env *factory, in, name string) (_ *published, err error) {
	source, closeSource, err := env.openSource(ctx, in)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeSource()) }()
	tries, err := history.Read(ctx, source, time.Time{})
	if err != nil {
		return nil, err
	}
	try, ok := history.Find(tries, name)
	if !ok {
		return nil, fs.ErrNotExist
	}
	plan, err := history.Plan(ctx, source, try)
	if err != nil {
		return nil, err
	}
	return ofPlan(plan), nil
}

// ofPlan is what was not published: there is its plan alone.
func ofPlan(plan *releases.Plan) *published {
	p := &published{close: func() error { return nil }}
	p.Manifest = &releases.Manifest{Snapshot: plan.Snapshot(), Plan: *plan}
	return p
}

// openInstallation reads with what a published snapshot was proven: a file, or the URL or path of
// one, of a snapshot or of a repository, of which it is the current one.
func openInstallation(ctx context.Context, env *factory, at string) (*stages.Installation, error) {
	if info, err := os.Stat(at); err == nil && info.Mode().IsRegular() {
		data, err := files.Read(at, files.Large)
		if err != nil {
			return nil, err
		}
		return attest.ParseInstallation(data)
	}
	base, name, ok := cutSnapshot(strings.TrimSuffix(filepath.ToSlash(at), attest.InstallationFile))
	if !ok {
		base = at
	}
	source, closeSource, err := env.openSource(ctx, base)
	if err != nil {
		return nil, err
	}
	found, err := named(name)(ctx, publish.Read(source))
	var data []byte
	if err == nil {
		data, err = target.Read(ctx, source, found.Manifest.Snapshot.Dir()+"/"+attest.InstallationFile)
	}
	if err := errors.Join(err, closeSource()); err != nil {
		return nil, notThere(source, err)
	}
	return attest.ParseInstallation(data)
}
