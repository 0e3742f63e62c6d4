package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/history"
	"github.com/mage-os/nightly/stages/publish/target"
)

// A switchFile is a packages.json: of the repository, or of one snapshot.
type switchFile struct {
	Packages    any      `json:"packages"` // an empty list; of other programs all packages
	MetadataURL string   `json:"metadata-url"`
	Available   []string `json:"available-packages"`
	saidConfig
	// Nightly is for this program; Composer ignores keys that it does not know.
	Nightly nightlyKey `json:"x-nightly"`

	sum pipeline.Digest // of the file that was read
}

// A nightlyKey is what publishing and serving want to know of a repository.
type nightlyKey struct {
	Format    int                     `json:"format"`    // switchFormat
	URL       string                  `json:"url"`       // base URL of all others
	Snapshots []releases.SnapshotName `json:"snapshots"` // that it resolves, newest first
	// Withdrawn are snapshots that a rollback took back: their dists stay, for who
	// has locked them, but nothing new resolves to them.
	Withdrawn []releases.SnapshotName `json:"withdrawn"`
	// Versions are single versions that were withdrawn, as "acme/tool 1.1.0": Composer is told
	// of them no longer, and their dists stay.
	Versions []string `json:"withdrawn-versions,omitempty"`
	// Former is the folder in which dists lie as well; see releases.Line.FormerDists.
	Former string `json:"former-dists,omitempty"`
}

const switchFormat = 1

// readSwitch reads the packages.json of a repository.
func readSwitch(ctx context.Context, s target.Source) (file switchFile, err error) {
	data, err := target.Read(ctx, s, stages.PackagesFile)
	if err != nil {
		return file, err
	}
	return parseSwitch(data)
}

func parseSwitch(data []byte) (file switchFile, err error) {
	if err := json.Unmarshal(data, &file); err != nil {
		return file, fmt.Errorf("%s: %w", stages.PackagesFile, err)
	}
	file.sum = pipeline.DigestOf(data)
	return file, nil
}

// folder is the metadata folder that it names.
func (s switchFile) folder() string { return path.Base(path.Dir(s.MetadataURL)) }

// observed is the state of a target before a run.
type observed struct {
	key        nightlyKey
	all        []*snapshot             // that were published, newest first
	incomplete []releases.SnapshotName // of which a run has left something that was not
	metas      []metaFolder
	folder     string   // of the metadata that clients are led to; if there is none, no folder's name
	metadata   *indexed // what is in it; nil: it has no index, or is incomplete
	superseded map[string]time.Time
	lastGood   *history.Try
	lastTry    *history.Try
	book       *history.Book
	signature  signature
}

// A metaFolder is a metadata folder and the snapshots that it was made of.
type metaFolder struct {
	digest    string
	complete  bool
	snapshots []releases.SnapshotName // nil also where nobody wants to know
}

// readTarget reads what the target has. Its error has all that cannot be read. What was signed
// it reads only as it was.
func (o Options) readTarget(ctx context.Context, t target.Target, base string, signed signature) (observed, error) {
	var s switchFile
	var err error
	if signed.Repository != nil {
		s = switchFile{Nightly: signed.nightlyKey, MetadataURL: path.Join(metaDir, signed.Metadata, "%package%.json")}
	} else if s, err = readSwitch(ctx, t); err != nil && !errors.Is(err, errMissing) {
		return observed{}, fmt.Errorf("repository %s: %w; publish to an empty folder", t, err)
	}
	if s.Nightly.Format > switchFormat {
		return observed{}, fmt.Errorf("repository %s was published by a newer version of this program (format %d, known is %d); update this one", t, s.Nightly.Format, switchFormat)
	}
	if base == "" {
		base = s.Nightly.URL
	}
	if err := s.Nightly.belongs(t, base); err != nil {
		return observed{}, err
	}
	status, errStatus := readStatus(ctx, t)
	book, errHistory := o.readHistory(ctx, t)
	found := observed{key: s.Nightly, folder: s.folder(), signature: signed, lastGood: status.LastGood, lastTry: status.LastTry, book: book}
	if s.Nightly.Format == 0 && status.Metadata != "" { // the switch was lost
		found.key.Snapshots, found.key.Withdrawn, found.folder = status.Snapshots, status.Withdrawn, status.Metadata
	}
	if string(o.Published.SHA256) == found.folder {
		found.metadata = &indexed{o.Published, t}
	} else if found.metadata, err = readIndex(ctx, t, found.folder); err != nil && ctx.Err() != nil {
		return observed{}, context.Cause(ctx)
	}
	var errSnapshots, errSuperseded, errMetas error
	found.all, found.incomplete, errSnapshots = readSnapshots(ctx, t, base, found.metadata)
	found.superseded, errSuperseded = readSuperseded(ctx, t)
	// Where all snapshots are in the current metadata, no other metadata keeps any of them.
	all := len(found.incomplete) == 0 && !slices.ContainsFunc(found.all, func(n *snapshot) bool { return !found.metadata.has(n) })
	found.metas, errMetas = readMetas(ctx, t, func(folder string) bool {
		_, known := found.superseded[folder]
		return all && known && folder != found.folder
	})
	found.leaveOut()
	return found, errors.Join(errStatus, errHistory, errSnapshots, errSuperseded, errMetas)
}

// leaveOut takes what no client was ever led to for incomplete, however whole it is: a run
// that failed or was killed before the switch has left it. What clients were led to, the
// switch names now or supersededFile, which is written before the switch.
func (o *observed) leaveOut() {
	published := slices.Concat(o.key.Snapshots, o.key.Withdrawn)
	for i, m := range o.metas {
		_, known := o.superseded[m.digest]
		if known || m.digest == o.folder {
			published = append(published, m.snapshots...)
		} else {
			o.metas[i].complete = false
		}
	}
	o.all = slices.DeleteFunc(o.all, func(n *snapshot) bool {
		never := !slices.Contains(published, n.name)
		if never {
			o.incomplete = append(o.incomplete, n.name)
		}
		return never
	})
}

// readSnapshots reads the manifests of those snapshots of which the current metadata says
// nothing. A snapshot is there when its packages.json is, which is written last and removed
// first.
func readSnapshots(ctx context.Context, t target.Target, base string, current *indexed) (all []*snapshot, incomplete []releases.SnapshotName, err error) {
	listed, err := Snapshots(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	known := current.snapshots()
	snapshots := make([]*snapshot, len(listed))
	err = pipeline.Each(len(listed), writers, func(i int) (err error) {
		if snapshots[i] = known[listed[i]]; snapshots[i] == nil {
			snapshots[i], err = readSnapshot(ctx, t, listed[i], base)
		}
		return err
	})
	for i, n := range snapshots {
		if n != nil {
			all = append(all, n)
		} else {
			incomplete = append(incomplete, listed[i])
		}
	}
	return all, incomplete, err
}

// readSnapshot returns nil for a snapshot whose folder is incomplete.
func readSnapshot(ctx context.Context, t target.Target, name releases.SnapshotName, base string) (*snapshot, error) {
	data, err := target.ReadIfThere(ctx, t, snapshotFile(name, stages.PackagesFile))
	if data == nil {
		return nil, err
	}
	var s switchFile
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("%s of the repository: %s: %w; publish it again to repair it", name.Title(), stages.PackagesFile, err)
	}
	if want := base + snapshotFile(name, stages.MetadataDir) + "/%package%.json"; s.MetadataURL != want {
		return nil, fmt.Errorf("%s in %s has its metadata at %s, which is not below %s; publish with the URL that the repository has, or to an empty folder", name.Title(), t, s.MetadataURL, base)
	}
	return fromTarget(ctx, t, name)
}

// Snapshots lists the snapshots in a target, newest first: those that the repository
// resolves, those that were withdrawn, and those that it still holds for a grace
// period. A target that does not exist has none.
func Snapshots(ctx context.Context, t target.Target) ([]releases.SnapshotName, error) {
	names := []releases.SnapshotName{}
	for _, dir := range releases.SnapshotDirs() {
		entries, err := t.List(ctx, dir)
		if err != nil {
			return nil, fmt.Errorf("list the snapshots of a repository: %w", err)
		}
		for _, e := range entries {
			if name, _, ok := releases.CutSnapshotDir(e.Name); e.Dir && ok {
				names = append(names, name)
			}
		}
	}
	slices.SortFunc(names, releases.NewestFirst)
	return names, nil
}

// readMetas lists the metadata folders, and reads of which snapshots they were made unless
// skip says that nobody wants to know. One without an index is incomplete.
func readMetas(ctx context.Context, t target.Target, skip func(folder string) bool) ([]metaFolder, error) {
	entries, err := t.List(ctx, metaDir)
	if err != nil {
		return nil, err
	}
	var all []metaFolder
	for _, e := range entries {
		if e.Dir {
			folder := path.Base(e.Name)
			all = append(all, metaFolder{digest: folder, complete: skip(folder)})
		}
	}
	slices.SortFunc(all, func(a, b metaFolder) int { return strings.Compare(a.digest, b.digest) })
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i := range all {
		if all[i].complete {
			continue
		}
		group.Go(func() error {
			// Without one it was taken apart: swept, or repaired if it is the current one.
			data, err := target.ReadIfThere(ctx, t, path.Join(metaDir, all[i].digest, releases.IndexName))
			var index struct {
				Snapshots []releases.IndexedSnapshot `json:"snapshots"`
			}
			if err == nil && jsonv2.Unmarshal(data, &index) == nil {
				all[i].complete = len(index.Snapshots) > 0
				for _, n := range index.Snapshots {
					all[i].snapshots = append(all[i].snapshots, n.Snapshot)
				}
			}
			return err
		})
	}
	return all, group.Wait()
}

// readSuperseded reads since when metadata folders are no longer named.
func readSuperseded(ctx context.Context, t target.Target) (map[string]time.Time, error) {
	times := map[string]time.Time{}
	data, err := target.ReadIfThere(ctx, t, supersededFile)
	if data == nil || json.Unmarshal(data, &times) != nil {
		return map[string]time.Time{}, err // what cannot be read: then their time begins now
	}
	return times, err
}

// A Repository is a published repository to read from.
type Repository struct{ source target.Source }

// Read is the repository at a source.
func Read(s target.Source) Repository { return Repository{s} }

// Snapshots lists the snapshots that the repository resolves, newest first.
func (r Repository) Snapshots(ctx context.Context) ([]releases.SnapshotName, error) {
	s, err := readSwitch(ctx, r.source)
	if err != nil {
		return nil, err
	}
	return s.Nightly.Snapshots, nil
}

// Manifest reads the manifest of a snapshot, as it was built, and its bytes. It
// reports fs.ErrNotExist for a snapshot that is not there.
func (r Repository) Manifest(ctx context.Context, name releases.SnapshotName) (*releases.Manifest, []byte, error) {
	data, err := target.Read(ctx, r.source, snapshotFile(name, releases.ManifestName))
	if err != nil {
		return nil, nil, err
	}
	m, err := releases.ParseManifest(data)
	return m, data, err
}
