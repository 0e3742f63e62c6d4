package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages/publish/history"
)

// errMissing is what targets report of a file that is not there.
var errMissing = fs.ErrNotExist

// DefaultKeep is how many nights stay resolvable when neither the request nor the
// snapshot says so.
const DefaultKeep = 14

// DefaultGrace is for how long superseded metadata stays, with all that it names:
// a client that started before the switch still finds it.
const DefaultGrace = 48 * time.Hour

// desired is the state of the repository after a run.
type desired struct {
	base      string
	keep      int                     // nights; other snapshots stay for ever
	add       *snapshot               // nil: none
	withdrawn []releases.SnapshotName // that are not resolved
	versions  []string                // that are not, as in nightlyKey
	rebuilt   map[string][]byte       // files of who has built snapshots again
	grace     time.Duration
	now       time.Time
	// advisories are those of the line; nil to keep the published ones.
	advisories []composer.Advisory
	former     string // the line's FormerDists
	// notes replace those of the snapshots in the status; nil to keep these.
	notes []releases.Note
	// published is since when what was published is signed; zero: since now.
	published time.Time
	told      bool // nothing is published: a try is told
	// keepAdopted is for how many days what was adopted stays resolvable; 0: for ever.
	keepAdopted int
}

// dropped reports whether what was adopted is given up, or was before.
func (d desired) dropped(n *snapshot, before observed) bool {
	if n.name.Kind() != releases.Adoption || n == d.add {
		return false
	}
	until := n.name.Day().AddDate(0, 0, d.keepAdopted)
	return !slices.Contains(before.key.Snapshots, n.name) || d.keepAdopted > 0 && !d.now.Before(until)
}

// A repository is what the target will have. It is a pure function of the snapshots and
// the base URL, apart from what stays for a grace period.
type repository struct {
	base       string
	snapshots  []*snapshot // that it resolves, newest first
	withdrawn  []*snapshot // that a rollback took back, newest first
	versions   []string    // that were withdrawn, as in nightlyKey
	former     string      // as in nightlyKey
	live       []*snapshot // both, and those that only superseded metadata names
	*metadata              // its files and the name of their folder
	anew       bool        // the metadata was made of its snapshots alone
	packages   []byte      // packages.json, the switch
	status     []byte
	changes    string // as in stages.Publication
	lastGood   *history.Try
	lastTry    *history.Try
	tries      []*history.Try       // that pages tell of, oldest first
	history    map[string][]byte    // its files that are written anew
	oldHistory []string             // its files that are too old
	superseded map[string]time.Time // of metadata folders: those that stay, and those that go now
}

// plan works out what the target will have.
func plan(ctx context.Context, before observed, want desired) (*repository, error) {
	all, err := join(before.all, want.add)
	if err != nil {
		return nil, err
	}
	if was := before.key.Former; was != "" && want.former != "" && was != want.former {
		return nil, fmt.Errorf("the line serves dists below %s/ as well, and the repository has them below %s/; name that folder as former-dists", want.former, was)
	}
	r := &repository{base: want.base, versions: want.versions, former: cmp.Or(want.former, before.key.Former), tries: before.book.Tries()}
	r.lastGood, r.lastTry = lastOf(r.tries, before.lastGood, before.lastTry)
	if r.history, r.oldHistory, err = before.book.Write(want.now); err != nil {
		return nil, err
	}
	if err := r.choose(all, before, want); err != nil {
		return nil, err
	}
	if err := unmixed(all); err != nil {
		return nil, err
	}
	if r.metadata, r.anew, err = mergeOnto(ctx, before.metadata, r.snapshots, want.base, want.versions, r.said(want)); err != nil {
		return nil, err
	}
	r.keepGraced(all, before, want)
	return r, r.write(want.notes)
}

// choose says which snapshots are resolved: the newest nights, and all others but what was
// adopted too long ago. A withdrawn night is given up when it is older than those.
func (r *repository) choose(all []*snapshot, before observed, want desired) error {
	nights := 0
	for _, n := range all { // newest first
		isNight := n.name.Kind().OfBranches()
		switch {
		case slices.Contains(want.withdrawn, n.name):
			if !isNight || nights < want.keep {
				r.withdrawn = append(r.withdrawn, n)
			}
			continue
		case isNight && nights == want.keep, want.dropped(n, before):
			continue
		case isNight:
			nights++
		}
		r.snapshots = append(r.snapshots, n)
	}
	switch {
	case len(r.snapshots) == 0:
		return errors.New("the repository would resolve no snapshot at all")
	case want.add != nil && !slices.Contains(r.snapshots, want.add):
		return fmt.Errorf("%s is older than the %s that the repository keeps; keep more nights, or publish it to another folder", want.add.name.Title(), markdown.Count(want.keep, "night"))
	}
	return nil
}

// keepGraced makes live the snapshots that stay: also those that superseded metadata
// names, as long as that has not been superseded for the whole grace period.
func (r *repository) keepGraced(all []*snapshot, before observed, want desired) {
	r.superseded = map[string]time.Time{}
	graced := map[releases.SnapshotName]bool{}
	for _, m := range before.metas {
		if m.digest == r.metadata.name || !m.complete {
			continue
		}
		since, known := before.superseded[m.digest]
		if !known || m.digest == before.folder {
			// By this run. An older time of the current one is of before a rollback to it.
			since = want.now
		}
		r.superseded[m.digest] = since
		if want.now.Sub(since) < want.grace {
			for _, name := range m.snapshots {
				graced[name] = true
			}
		}
	}
	for _, n := range all {
		if slices.Contains(r.snapshots, n) || slices.Contains(r.withdrawn, n) || graced[n.name] {
			r.live = append(r.live, n)
		}
	}
}

// join adds a snapshot to those that are there. A name stands for one content for
// ever: composer.lock files name versions and checksums.
func join(there []*snapshot, add *snapshot) ([]*snapshot, error) {
	if add == nil {
		return there, nil
	}
	var errs []error
	all := []*snapshot{add}
	mine := distsOf(all)
	for _, n := range there {
		if n.name == add.name {
			if n.sum != add.sum {
				errs = append(errs, fmt.Errorf("%s is published already with other content: its %s has SHA-256 %s, the one here %s; plan it again to get the next free number", n.name.Title(), releases.ManifestName, n.sum, add.sum))
			}
			continue
		}
		all = append(all, n)
		for _, dist := range n.sums {
			if sum, ok := mine[dist.path]; ok && sum != dist.sum {
				errs = append(errs, fmt.Errorf("%s has SHA-256 %s in %s and %s in %s; a version cannot have two contents, plan it again to get the next free number", dist.path, dist.sum, n.name.Title(), sum, add.name.Title()))
			}
		}
	}
	slices.SortFunc(all, func(a, b *snapshot) int { return releases.NewestFirst(a.name, b.name) })
	return all, errors.Join(errs...)
}

// write makes the files at the root of the repository.
func (r *repository) write(notes []releases.Note) error {
	if notes == nil {
		notes = r.index.Notes("")
	}
	available := []string{}
	for _, file := range r.index.Files {
		if !strings.HasSuffix(file.Name, "~dev") {
			available = append(available, file.Name)
		}
	}
	var errPackages, errStatus error
	r.packages, errPackages = encode(switchFile{
		Packages:    []any{},
		MetadataURL: r.base + metaDir + "/" + r.metadata.name + "/%package%.json",
		Available:   available,
		saidConfig:  configOf(r.index),
		Nightly:     r.key(),
	})
	r.status, errStatus = encode(Status{
		Format: statusFormat, URL: r.base, Snapshot: r.snapshots[0].name, Snapshots: names(r.snapshots), Withdrawn: names(r.withdrawn),
		Metadata: r.metadata.name, Packages: len(available), Notes: notes,
		LastGood: r.lastGood, LastTry: r.lastTry,
	})
	return errors.Join(errPackages, errStatus)
}

// key is what packages.json says of the repository.
func (r *repository) key() nightlyKey {
	return nightlyKey{switchFormat, r.base, names(r.snapshots), names(r.withdrawn), r.versions, r.former}
}

// encode writes JSON for people and machines.
func encode(v any) ([]byte, error) { return pipeline.EncodeJSON(v, "    ") }

// metasUnused are the metadata folders that may go.
func (r *repository) metasUnused(before observed, want desired) []string {
	var unused []string
	for _, m := range before.metas {
		since, complete := r.superseded[m.digest]
		if m.digest != r.metadata.name && (!complete || want.now.Sub(since) >= want.grace) {
			unused = append(unused, m.digest)
		}
	}
	return unused
}

// snapshotsUnused are the snapshots that may go, also those that a killed run left
// incomplete.
func (r *repository) snapshotsUnused(before observed, want desired) []releases.SnapshotName {
	unused := slices.Clone(before.incomplete)
	for _, n := range before.all {
		unused = append(unused, n.name)
	}
	return slices.DeleteFunc(unused, func(name releases.SnapshotName) bool {
		return want.add != nil && want.add.name == name || slices.ContainsFunc(r.live, func(n *snapshot) bool { return n.name == name })
	})
}

// supersededWith is what supersededFile has to say before the switch. Metadata that clients
// are led back to is not forgotten: the run may end there.
func (r *repository) supersededWith(before observed) map[string]time.Time {
	all := maps.Clone(r.superseded)
	if since, ok := before.superseded[r.metadata.name]; ok {
		all[r.metadata.name] = since
	}
	return all
}

// supersededStays are the entries of supersededFile about folders that the target has.
func supersededStays(before observed) map[string]time.Time {
	stays := maps.Clone(before.superseded)
	maps.DeleteFunc(stays, func(digest string, _ time.Time) bool {
		return !slices.ContainsFunc(before.metas, func(m metaFolder) bool { return m.digest == digest })
	})
	return stays
}
