package publish

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/history"
	"github.com/mage-os/nightly/stages/publish/page"
	"github.com/mage-os/nightly/stages/publish/target"
)

// An Adoption is a Composer repository that others have published, as satis or the
// generator that Mage-OS had before, to be taken over where it lies.
type Adoption struct {
	To    string // the target in which it lies
	URL   string // base URL under which it is served
	Title string // of the distribution, for people
	// LeaveOut leaves out versions whose dist is missing or damaged. Else they are an error.
	LeaveOut bool
	DryRun   bool
}

// Adopted is the result of an adoption, or of its dry run.
type Adopted struct {
	Snapshot releases.SnapshotName `json:"snapshot"`
	Packages int                   `json:"packages"`
	Versions int                   `json:"versions"`
	Dists    int                   `json:"dists"` // in the repository, each read and compared with its SHA-1
	Bytes    int64                 `json:"bytes"` // of those
	// Unchecked are dists without a SHA-1 in the metadata, so damage would not show.
	Unchecked int `json:"unchecked"`
	// Elsewhere counts versions whose dist is not in the repository, by the host that has it;
	// those without any dist are under no host.
	Elsewhere map[string]int `json:"elsewhere"`
	Kept      int            `json:"kept"`     // all other files, which stay where they lie
	Replaced  []string       `json:"replaced"` // files that are written anew, and are kept in the snapshot's folder
	// Dropped counts versions by the keys that they lose: Composer obeys them as the
	// repository's word, and this program does not write them.
	Dropped map[string]int `json:"dropped"`
	// Notes are of what is left out.
	Notes []releases.Note `json:"notes"`
	// Publication has the written files; nil for a repository on the web, to which nothing is written.
	Publication *stages.Publication `json:"publication"`
}

// Adopt takes a repository over: its versions become a snapshot, whose dists stay where
// they lie, and are resolved with all that is published later. Nothing of what lay there
// changes but packages.json and index.html, of which the snapshot's folder has copies. A
// repository that was adopted already stays as it is.
func (o Options) Adopt(ctx context.Context, a Adoption) (found Adopted, err error) {
	o = o.withDefaults()
	base, err := stages.BaseURL(a.URL)
	if err != nil {
		return found, err
	}
	err = target.With(ctx, a.To, o.Target, func(t target.Target) error {
		if err := adoptable(ctx, t); err != nil {
			return err
		}
		return o.locked(ctx, t, a.DryRun, func(ctx context.Context) error {
			p, err := o.bringLocked(ctx, t, a.DryRun, func(ctx context.Context, from target.Target, signed signature) (observed, desired, error) {
				var add *snapshot
				var err error
				if found, add, err = o.readAdopted(ctx, t, t, base, a); err != nil {
					return observed{}, desired{}, err
				}
				before, err := leftOfAdoption(ctx, t, add.name)
				before.signature = signed
				return before, desired{base: base, keep: DefaultKeep, add: add}, err
			})
			found.Publication = &p
			return err
		})
	})
	return found, err
}

// LookAtAdoption says what an adoption would take over of a repository on the web, which
// cannot be listed or written to.
func (o Options) LookAtAdoption(ctx context.Context, s target.Source, a Adoption) (Adopted, error) {
	o = o.withDefaults()
	base, err := stages.BaseURL(a.URL)
	if err != nil {
		return Adopted{}, err
	}
	found, _, err := o.readAdopted(ctx, s, nil, base, a)
	return found, err
}

// ErrAdopted says that a repository was adopted already.
var ErrAdopted = errors.New("it was adopted already")

// adoptable refuses a target that is no repository of others, or in which something is in
// the way of what publishing writes or sweeps.
func adoptable(ctx context.Context, t target.Target) error {
	s, err := readSwitch(ctx, t)
	switch {
	case errors.Is(err, errMissing):
		return config.Errorf("%s has no %s: there is no Composer repository to take over", t, stages.PackagesFile)
	case err != nil:
		return err
	case s.Nightly.Format != 0 && slices.ContainsFunc(s.Nightly.Snapshots, isAdoption):
		return ErrAdopted
	case s.Nightly.Format != 0:
		return config.Errorf("%s was published by this program: there is nothing to take over", t)
	}
	root, err := t.List(ctx, ".")
	if err != nil {
		return err
	}
	mayBe := []string{stages.PackagesFile, pageFile, stages.DistsDir}
	if target.Used(root) { // what an adoption writes that was killed, or was written over since
		mayBe = append(mayBe, releases.Adoption.Dir(), metaDir, statusFile, badgeFile, page.PackagesDir, page.FeedFile, page.BreakagesFile, history.Dir, history.TriesDir)
	}
	var errs []error
	for _, e := range root {
		if slices.Contains(ours(), e.Name) && !slices.Contains(mayBe, e.Name) {
			errs = append(errs, fmt.Errorf("%s: publishing writes a file or folder of that name, and removes what it does not know there; move it away", e.Name))
		}
	}
	return errors.Join(errs...)
}

func isAdoption(name releases.SnapshotName) bool { return name.Kind() == releases.Adoption }

// leftOfAdoption is the state that an earlier adoption, which did not end, has left at the target: no client reads it.
func leftOfAdoption(ctx context.Context, t target.Target, add releases.SnapshotName) (before observed, err error) {
	if before.incomplete, err = Snapshots(ctx, t); err != nil {
		return before, err
	}
	before.metas, err = readMetas(ctx, t, func(string) bool { return true })
	for i := range before.metas {
		before.metas[i].complete = false
	}
	return before, err
}

// adoptedFiles are the files that lay there before, of what was adopted.
func adoptedFiles(m *releases.Manifest) []releases.ManifestFile {
	files := slices.Clone(m.Kept)
	for _, p := range m.Packages {
		if p.Dist != nil {
			files = append(files, releases.ManifestFile{Path: p.Dist.Path, Size: p.Dist.Size, SHA256: p.Dist.SHA256})
		}
	}
	return files
}

// isOurs reports whether a file lies where nothing is adopted, since publishing writes or sweeps there. Of the dists it
// knows which those of others are.
func isOurs(file string) bool {
	top, _, _ := strings.Cut(file, "/")
	return top != stages.DistsDir && slices.Contains(ours(), top) || target.IsLock(top) || file == supersededFile
}

// beforeDir has, in the folder of what was adopted, the files that publishing replaces.
const beforeDir = "before"

// adoptedSnapshot is the snapshot of what is adopted, with the files of its folder.
func adoptedSnapshot(m *releases.Manifest, all versions, base string, replaced map[string][]byte) (*snapshot, error) {
	n := &snapshot{name: m.Plan.Snapshot(), files: map[string][]byte{}}
	names := []string{}
	for _, p := range m.Packages {
		names = append(names, p.Name)
	}
	packages, err := pipeline.EncodeJSON(struct {
		Packages    []any    `json:"packages"`
		MetadataURL string   `json:"metadata-url"`
		Available   []string `json:"available-packages"`
	}{[]any{}, base + snapshotFile(n.name, stages.MetadataDir) + "/%package%.json", slices.Compact(names)}, "")
	if err != nil {
		return nil, err
	}
	files, err := all.files()
	if err != nil {
		return nil, err
	}
	add := func(name string, data []byte, below string) error {
		plain, err := stages.Unrender(data, below)
		n.files[name] = data
		m.Files = append(m.Files, releases.ManifestFile{Path: name, Size: int64(len(plain)), SHA256: pipeline.DigestOf(plain)})
		return err
	}
	errs := []error{add(stages.PackagesFile, packages, base+n.name.Dir()+"/")}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		errs = append(errs, add(path.Join(stages.MetadataDir, name), files[name], base))
	}
	for name, data := range replaced {
		n.files[path.Join(beforeDir, name)] = data
		m.Kept = append(m.Kept, fileOf(snapshotFile(n.name, path.Join(beforeDir, name)), data))
	}
	slices.SortFunc(m.Kept, byPath)
	m.Snapshot = n.name
	if n.files[releases.ManifestName], err = m.Encode(); err != nil {
		return nil, err
	}
	err = n.setVersions(versionsForm{Format: versionsFormat, Packages: all})
	return n, errors.Join(append(errs, err, n.readManifest(n.files[releases.ManifestName]))...)
}

// adoptionPlan is the plan of what was not built here.
func adoptionPlan(base, title string, now time.Time) releases.Plan {
	return releases.Plan{
		Format: releases.PlanFormat, Program: releases.Program, Date: now.Format(time.DateOnly), Adopted: true,
		Line:         releases.Line{Name: releases.Adoption.Dir(), Title: title, URL: base},
		Repositories: []releases.PlannedRepository{}, Replace: map[string]string{}, LatestTags: map[string]string{},
	}
}
