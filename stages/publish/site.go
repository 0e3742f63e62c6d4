package publish

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
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
// dists: all snapshots, their pages, and the metadata that is within its grace period.
func (o Options) Site(ctx context.Context, s Site) (p stages.Publication, err error) {
	o = o.withDefaults()
	base, err := stages.BaseURL(s.URL)
	if err != nil {
		return p, err
	}
	if _, ok := target.Folder(s.To); !ok {
		return p, fmt.Errorf("a site is written to a folder, not to %s; deploy the folder with the host's own means", s.To)
	}
	site := &site{Options: o, base: base, files: map[string][]byte{}}
	if err := target.With(ctx, s.From, o.Target, func(from target.Target) error {
		site.from = from
		if err := site.make(ctx); err != nil {
			return fmt.Errorf("make a site of %s: %w", from, err)
		}
		return nil
	}); err != nil {
		return p, err
	}
	err = target.With(ctx, s.To, o.Target, func(to target.Target) error {
		if _, err := foreign(ctx, to); err != nil {
			return err
		}
		return o.locked(ctx, to, s.DryRun, func(ctx context.Context) (err error) {
			p, err = site.write(ctx, to, s.DryRun)
			return err
		})
	})
	return p, err
}

// A site is all files of a Site.
type site struct {
	Options
	from       target.Target
	before     observed // at from
	base       string
	repository *repository
	files      map[string][]byte
}

func (s *site) make(ctx context.Context) (err error) {
	if s.before, err = s.readTarget(ctx, s.from, "", signature{}); err != nil {
		return err
	}
	if len(s.before.key.Snapshots) == 0 {
		return errors.New("nothing is published there")
	}
	r := &repository{
		base: s.base, snapshots: s.pick(s.before.key.Snapshots), withdrawn: s.pick(s.before.key.Withdrawn), versions: s.before.key.Versions, live: s.before.all,
		tries: s.before.book.Tries(),
	}
	r.lastGood, r.lastTry = lastOf(r.tries, s.before.lastGood, s.before.lastTry)
	s.repository = r
	if r.metadata, err = s.addMetadata(ctx, r.snapshots); err != nil {
		return err
	}
	if err := r.write(nil); err != nil {
		return err
	}
	s.files[stages.PackagesFile], s.files[statusFile] = r.packages, r.status
	// Publishing asks of few folders what they hold; a site has all of them.
	metas, err := readMetas(ctx, s.from, func(string) bool { return false })
	if err != nil {
		return err
	}
	for _, m := range metas {
		if snapshots := s.pick(m.snapshots); len(snapshots) > 0 && len(snapshots) == len(m.snapshots) { // else one was given up
			if _, err := s.addMetadata(ctx, snapshots); err != nil {
				return err
			}
		}
	}
	for _, n := range s.before.all {
		if err := s.addSnapshot(ctx, n); err != nil {
			return err
		}
	}
	m, err := r.snapshots[0].manifest(ctx)
	if err != nil {
		return err
	}
	newest, err := readChanges(ctx, s.from, m.Snapshot)
	if err != nil {
		return err
	}
	b := r.board(m, newest)
	b.At = s.before.key.URL // which has the files of tries
	return r.addBoard(s.files, b, true)
}

func (s *site) pick(names []releases.SnapshotName) (snapshots []*snapshot) {
	for _, n := range s.before.all {
		if slices.Contains(names, n.name) {
			snapshots = append(snapshots, n)
		}
	}
	return snapshots
}

// addMetadata adds the folder of the merged metadata of snapshots.
func (s *site) addMetadata(ctx context.Context, snapshots []*snapshot) (*metadata, error) {
	m, _, err := mergeOnto(ctx, s.before.metadata, snapshots, s.base, s.before.key.Versions, s.repository.said(desired{}))
	if err != nil {
		return nil, err
	}
	for name, data := range m.files {
		s.files[path.Join(metaDir, m.name, name)] = data
	}
	return m, nil
}

// addSnapshot adds the folder of a snapshot. Its metadata is made of one file, because to
// read a night's thousand from a bucket takes long.
func (s *site) addSnapshot(ctx context.Context, n *snapshot) error {
	all, err := n.versions(ctx)
	if err != nil {
		return err
	}
	metadata, err := all.Packages.files()
	if err != nil {
		return err
	}
	for name, data := range metadata {
		s.files[snapshotFile(n.name, path.Join(stages.MetadataDir, name))] = data
	}
	packages, err := target.Read(ctx, s.from, snapshotFile(n.name, stages.PackagesFile))
	if err != nil {
		return err
	}
	if s.files[snapshotFile(n.name, stages.PackagesFile)], err = stages.Rebase(packages, s.before.key.URL, s.base); err != nil {
		return err
	}
	for _, name := range append(attest.SnapshotFiles(), attest.RebuiltFile, releases.ManifestName) {
		if err := s.copy(ctx, snapshotFile(n.name, name)); err != nil {
			return err
		}
	}
	changes, errChanges := readChanges(ctx, s.from, n.name)
	m, err := n.manifest(ctx)
	if err := errors.Join(errChanges, err); err != nil {
		return err
	}
	return addPage(s.files, m, s.base, changes)
}

// copy adds a file of the target as it is, if it is there.
func (s *site) copy(ctx context.Context, name string) error {
	data, err := target.ReadIfThere(ctx, s.from, name)
	if data != nil {
		s.files[name] = data
	}
	return err
}

// write brings a folder to those files.
func (s *site) write(ctx context.Context, to target.Target, dry bool) (p stages.Publication, err error) {
	w := s.writer(to, dry)
	if err := w.look(ctx, "."); err != nil {
		return p, err
	}
	for _, data := range s.files {
		w.total += int64(len(data))
	}
	if err := w.putFolder(ctx, "", s.files, stages.PackagesFile); err != nil {
		return p, err
	}
	var unused []string
	for _, dir := range append(releases.SnapshotDirs(), metaDir) {
		unused = append(unused, slices.DeleteFunc(w.below(dir, nil), func(name string) bool { return s.files[name] != nil })...)
	}
	if err := w.remove(ctx, [][]string{unused}); err != nil {
		return p, err
	}
	return w.publication(observed{}, desired{}, s.repository), nil
}
