package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
)

// errMissing is what targets report of a file that is not there.
var errMissing = fs.ErrNotExist

// A repository is what the target shall be. It is a pure function of the nights and
// the base URL, apart from what stays for a grace period.
type repository struct {
	base       string
	snapshots  []*snapshot // that it resolves, newest first
	withdrawn  []*snapshot // that a rollback took back, newest first
	live       []*snapshot // both, and those that only superseded metadata names
	*metadata              // its files and the name of their folder
	anew       bool        // the metadata was made of its nights alone
	packages   []byte      // packages.json, the switch
	status     []byte
	lastGood   *Try // of those that the target tells
	lastTry    *Try
	superseded map[string]time.Time // of metadata folders: those that stay, and those that go now
}

// A wish is what a run wants of the repository.
type wish struct {
	base      string
	keep      int
	add       *snapshot // nil: none
	withdrawn []string  // nights that are not resolved
	grace     time.Duration
	now       time.Time
}

// plan says what the target shall be.
func plan(ctx context.Context, before state, w wish) (*repository, error) {
	all, err := join(before.all, w.add)
	if err != nil {
		return nil, err
	}
	r := &repository{base: w.base, lastGood: before.lastGood, lastTry: before.lastTry}
	if err := r.choose(all, w); err != nil {
		return nil, err
	}
	if r.metadata, r.anew, err = mergeOnto(ctx, before.metadata, r.snapshots, w.base); err != nil {
		return nil, err
	}
	r.keepGraced(all, before, w)
	return r, r.write()
}

// choose says which nights are resolved: the newest ones, and all tagged releases.
func (r *repository) choose(all []*snapshot, w wish) error {
	oldest := "" // of those that count
	count := 0
	for _, n := range all {
		switch {
		case slices.Contains(w.withdrawn, n.name):
		case n.tagged():
			r.snapshots = append(r.snapshots, n)
		case count < w.keep:
			r.snapshots = append(r.snapshots, n)
			count, oldest = count+1, n.name
		}
	}
	for _, n := range all {
		if slices.Contains(w.withdrawn, n.name) && (oldest == "" || newestFirst(n.name, oldest) < 0) {
			r.withdrawn = append(r.withdrawn, n)
		}
	}
	switch {
	case len(r.snapshots) == 0:
		return errors.New("the repository would resolve no night at all")
	case w.add != nil && !slices.Contains(r.snapshots, w.add):
		return fmt.Errorf("night %s is older than the %d nights that the repository keeps; keep more nights, or publish it to another folder", w.add.name, w.keep)
	}
	return nil
}

// join adds a night to those that are there. A name stands for one content for
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
				errs = append(errs, fmt.Errorf("night %s is published already with other content: its %s has SHA-256 %s, the one here %s; plan the night again to get the next free number", n.name, releases.ManifestName, n.sum, add.sum))
			}
			continue
		}
		all = append(all, n)
		for _, dist := range n.sums {
			if sum, ok := mine[dist.path]; ok && sum != dist.sum {
				errs = append(errs, fmt.Errorf("%s has SHA-256 %s in night %s and %s in night %s; a version cannot have two contents, plan the night again to get the next free number", dist.path, dist.sum, n.name, sum, add.name))
			}
		}
	}
	slices.SortFunc(all, func(a, b *snapshot) int { return newestFirst(a.name, b.name) })
	return all, errors.Join(errs...)
}

// write makes the files at the root of the repository.
func (r *repository) write() error {
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
		Nightly:     nightlyKey{switchFormat, r.base, names(r.snapshots), names(r.withdrawn)},
	})
	r.status, errStatus = encode(Status{
		Format: statusFormat, URL: r.base, Snapshot: r.snapshots[0].name, Snapshots: names(r.snapshots), Withdrawn: names(r.withdrawn),
		Metadata: r.metadata.name, Packages: len(available),
		LastGood: r.lastGood, LastTry: r.lastTry,
	})
	return errors.Join(errPackages, errStatus)
}

// encode writes JSON for people and machines, with slashes as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

// distsOf are the dists that some of these nights name.
func distsOf(snapshots []*snapshot) map[string]pipeline.Digest {
	size := 0
	for _, n := range snapshots {
		size += len(n.sums)
	}
	all := make(map[string]pipeline.Digest, size)
	for _, n := range snapshots {
		for _, dist := range n.sums {
			all[dist.path] = dist.sum
		}
	}
	return all
}
