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
	"github.com/mage-os/nightly/stages/publish/target"
)

// A switchFile is a packages.json: of the repository, or of one night.
type switchFile struct {
	Packages    []any    `json:"packages"`
	MetadataURL string   `json:"metadata-url"`
	Available   []string `json:"available-packages"`
	// Nightly is for this program; Composer ignores keys that it does not know.
	Nightly nightlyKey `json:"x-nightly"`
}

// A nightlyKey is what publishing and serving want to know of a repository.
type nightlyKey struct {
	Format    int      `json:"format"`    // switchFormat
	URL       string   `json:"url"`       // base URL of all others
	Snapshots []string `json:"snapshots"` // that it resolves, newest first
	// Withdrawn are nights that a rollback took back: their dists stay, for who
	// has locked them, but nothing new resolves to them.
	Withdrawn []string `json:"withdrawn"`
}

const switchFormat = 1

// readSwitch reads the packages.json of a repository.
func readSwitch(ctx context.Context, s target.Source) (switchFile, error) {
	file, _, err := readSwitchSum(ctx, s)
	return file, err
}

// readSwitchSum also gives its SHA-256.
func readSwitchSum(ctx context.Context, s target.Source) (file switchFile, sum pipeline.Digest, err error) {
	data, err := target.Read(ctx, s, stages.PackagesFile)
	if err != nil {
		return file, "", err
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return file, "", fmt.Errorf("%s: %w", stages.PackagesFile, err)
	}
	return file, pipeline.DigestOf(data), nil
}

// folder is the metadata folder that it names.
func (s switchFile) folder() string { return path.Base(path.Dir(s.MetadataURL)) }

// A state is what a target has before a run.
type state struct {
	key        nightlyKey
	all        []*snapshot // whose folders are whole, newest first
	torn       []string    // nights whose folders are not
	merged     []merged    // metadata folders
	current    string      // the folder that clients are led to; if there is none, no folder's name
	metadata   *current    // what is in it; nil: it has no index, or is not whole
	superseded map[string]time.Time
	lastGood   *Try
	lastTry    *Try
	seal       seal
}

// A merged is a metadata folder and the nights that it was made of.
type merged struct {
	digest    string
	whole     bool
	snapshots []string // newest first; none: it is not whole, or nobody wants to know
}

// readTarget reads what the target has. All that cannot be read is told at once. Who
// signs takes metadata only as it was signed: else it is made of the nights.
func (o Options) readTarget(ctx context.Context, t target.Target, base string, signed seal) (state, error) {
	s, sum, err := readSwitchSum(ctx, t)
	if err != nil && !errors.Is(err, errMissing) {
		return state{}, fmt.Errorf("repository %s: %w; publish to an empty folder", t, err)
	}
	if s.Nightly.Format > switchFormat {
		return state{}, fmt.Errorf("repository %s was published by a newer version of this program (format %d, known is %d); update this one", t, s.Nightly.Format, switchFormat)
	}
	if base == "" {
		base = s.Nightly.URL
	}
	if s.Nightly.Format != 0 && s.Nightly.URL != base {
		return state{}, fmt.Errorf("repository %s was published for %s, not for %s; publish with that URL, or to an empty folder", t, s.Nightly.URL, base)
	}
	var metadata *current
	if !o.signs() || sum != "" && sum == signed.packages {
		if metadata, err = o.readCurrent(ctx, t, s.folder()); err != nil && ctx.Err() != nil {
			return state{}, context.Cause(ctx)
		}
	}
	found, err := readState(ctx, t, s, base, metadata)
	found.seal = signed
	var errTries error
	found.lastGood, found.lastTry, errTries = readTries(ctx, t)
	return found, errors.Join(err, errTries)
}

// readState reads what a repository has, beside what was tried.
func readState(ctx context.Context, t target.Target, s switchFile, base string, metadata *current) (state, error) {
	found := state{key: s.Nightly, current: s.folder(), metadata: metadata}
	var errSnapshots, errMerged, errSuperseded error
	found.all, found.torn, errSnapshots = readSnapshots(ctx, t, base, metadata)
	found.superseded, errSuperseded = readSuperseded(ctx, t)
	// Where all nights are in the current metadata, no other holds any of them.
	indexed := metadata != nil && len(found.torn) == 0 && !slices.ContainsFunc(found.all, func(n *snapshot) bool {
		return !slices.ContainsFunc(metadata.Index.Snapshots, n.is)
	})
	found.merged, errMerged = readMerged(ctx, t, func(folder string) bool {
		_, known := found.superseded[folder]
		return indexed && known && folder != found.current
	})
	return found, errors.Join(errSnapshots, errMerged, errSuperseded)
}

// readSnapshots reads the manifests of those nights of which the current metadata says
// nothing. A night is there when its packages.json is, which is written last and removed
// first.
func readSnapshots(ctx context.Context, t target.Target, base string, c *current) (all []*snapshot, torn []string, err error) {
	listed, err := snapshotDirs(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	indexed := map[string]*snapshot{}
	for _, n := range c.snapshots() {
		indexed[n.name] = n
	}
	snapshots := make([]*snapshot, len(listed))
	errs := make([]error, len(listed))
	group := errgroup.Group{}
	group.SetLimit(writers)
	for i, name := range listed {
		if snapshots[i] = indexed[name]; snapshots[i] != nil {
			continue
		}
		group.Go(func() error {
			snapshots[i], errs[i] = readSnapshot(ctx, t, name, base)
			return nil
		})
	}
	_ = group.Wait() // all errors are in errs
	for i, n := range snapshots {
		if n != nil {
			all = append(all, n)
		} else {
			torn = append(torn, listed[i])
		}
	}
	return all, torn, errors.Join(errs...)
}

// readSnapshot gives nothing for a night whose folder is not whole.
func readSnapshot(ctx context.Context, t target.Target, name, base string) (*snapshot, error) {
	data, err := target.Read(ctx, t, snapshotFile(name, stages.PackagesFile))
	if errors.Is(err, errMissing) {
		return nil, nil //nolint:nilnil // documented
	}
	if err != nil {
		return nil, err
	}
	var s switchFile
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("night %s of the repository: %s: %w; publish the night again to repair it", name, stages.PackagesFile, err)
	}
	if want := base + snapshotFile(name, stages.MetadataDir) + "/%package%.json"; s.MetadataURL != want {
		return nil, fmt.Errorf("night %s in %s has its metadata at %s, which is not below %s; publish with the URL that the repository has, or to an empty folder", name, t, s.MetadataURL, base)
	}
	return fromTarget(ctx, t, name)
}

// snapshotDirs lists the snapshots that have a folder, newest first.
func snapshotDirs(ctx context.Context, t target.Target) ([]string, error) {
	snapshots := []string{}
	for _, dir := range releases.SnapshotDirs() {
		entries, err := t.List(ctx, dir)
		if err != nil {
			return nil, fmt.Errorf("list the snapshots of a repository: %w", err)
		}
		for _, e := range entries {
			if name, rest, ok := releases.CutSnapshotDir(e.Name); ok && rest == "" && e.Dir {
				snapshots = append(snapshots, string(name))
			}
		}
	}
	slices.SortFunc(snapshots, newestFirst)
	return snapshots, nil
}

// readMerged lists the metadata folders, and of which nights they were made, but of those
// of which nobody wants to know. One that does not say it is not whole.
func readMerged(ctx context.Context, t target.Target, skip func(folder string) bool) ([]merged, error) {
	entries, err := t.List(ctx, metaDir)
	if err != nil {
		return nil, err
	}
	var all []merged
	for _, e := range entries {
		if e.Dir {
			folder := path.Base(e.Name)
			all = append(all, merged{digest: folder, whole: skip(folder)})
		}
	}
	slices.SortFunc(all, func(a, b merged) int { return strings.Compare(a.digest, b.digest) })
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i := range all {
		if all[i].whole {
			continue
		}
		group.Go(func() error {
			data, err := target.Read(ctx, t, path.Join(metaDir, all[i].digest, mergedFile))
			if errors.Is(err, errMissing) {
				return nil // it was taken apart: swept, or repaired if it is the current one
			}
			var file mergedSnapshots
			if err == nil && jsonv2.Unmarshal(data, &file) == nil {
				all[i].snapshots, all[i].whole = file.Snapshots, len(file.Snapshots) > 0
			}
			return err
		})
	}
	return all, group.Wait()
}

// readSuperseded tells since when metadata folders are no longer named.
func readSuperseded(ctx context.Context, t target.Target) (map[string]time.Time, error) {
	times := map[string]time.Time{}
	data, err := target.Read(ctx, t, supersededFile)
	if errors.Is(err, errMissing) {
		return times, nil
	}
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(data, &times) != nil {
		return map[string]time.Time{}, nil // then their time begins now
	}
	return times, nil
}

// A Repository is a published repository to read from.
type Repository struct{ source target.Source }

// Read gives the repository at a source.
func Read(s target.Source) Repository { return Repository{s} }

// Nights lists the nights that the repository resolves, newest first.
func (r Repository) Snapshots(ctx context.Context) ([]string, error) {
	s, err := readSwitch(ctx, r.source)
	if err != nil {
		return nil, err
	}
	return s.Nightly.Snapshots, nil
}

// Manifest reads the manifest of a night, as it was built, and its bytes. It
// reports fs.ErrNotExist for a night that is not there.
func (r Repository) Manifest(ctx context.Context, snapshot string) (*releases.Manifest, []byte, error) {
	data, err := target.Read(ctx, r.source, snapshotFile(snapshot, releases.ManifestName))
	if err != nil {
		return nil, nil, err
	}
	m, err := releases.ParseManifest(data)
	return m, data, err
}

// Nights lists the nights in a target, newest first: those that the repository
// resolves, those that were withdrawn, and those that it still holds for a grace
// period. A target that does not exist has none.
func Snapshots(ctx context.Context, t target.Target) ([]string, error) { return snapshotDirs(ctx, t) }
