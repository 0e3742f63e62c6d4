package publish

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"

	"github.com/mage-os/nightly/stages"
)

// graceNights is for how many more nights superseded metadata stays, with all
// that it names: a client that started before the switch still finds it. Nights
// are counted because nothing here knows the time.
const graceNights = 2

// stays reports whether a superseded metadata folder is still within its grace:
// its newest night is one of the newest, of all that the target will have.
func (m merged) stays(all []*night) bool {
	recent := all[:min(1+graceNights, len(all))]
	return len(m.nights) > 0 && slices.ContainsFunc(recent, func(n *night) bool { return n.name == m.nights[0] })
}

// graced are the nights that a superseded metadata folder within its grace names.
func (s state) graced(all []*night) map[string]bool {
	names := map[string]bool{}
	for _, m := range s.merged {
		if m.stays(all) {
			for _, name := range m.nights {
				names[name] = true
			}
		}
	}
	return names
}

// findUnused lists what the repository no longer needs, in the order in which it
// may go: metadata, then the nights that it named, dists last. What a killed run
// wrote and nothing names is among it.
func findUnused(dir string, before state, r *repository) ([]string, error) {
	var unused []string
	for _, m := range before.merged {
		if m.digest != r.meta && !m.stays(r.known) {
			unused = append(unused, metaDir+"/"+m.digest)
		}
	}
	dists := map[string]bool{}
	live := map[string]bool{}
	for _, n := range r.all {
		live[n.name] = true
		for path := range n.distSums() {
			dists[path] = true
		}
	}
	for _, n := range before.all {
		if !live[n.name] {
			unused = append(unused, nightsDir+"/"+n.name)
		}
	}
	orphans, err := strayDists(dir, dists)
	return append(unused, orphans...), err
}

// strayDists lists the files below the dists that no night names, and then the
// directories that are left empty, inner ones first.
func strayDists(dir string, named map[string]bool) ([]string, error) {
	// By directory: what stays in it, also what this run is about to write there.
	files := map[string]int{}
	for name := range named {
		for d := path.Dir(name); d != "."; d = path.Dir(d) {
			files[d]++
		}
	}
	var stray []string
	root := filepath.Join(dir, stages.DistsDir)
	err := filepath.WalkDir(root, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, at)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		switch {
		case e.IsDir():
			files[name] += 0
		case !named[name]:
			stray = append(stray, name)
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	empty := slices.DeleteFunc(slices.Sorted(maps.Keys(files)), func(d string) bool {
		return files[d] > 0 || d == stages.DistsDir
	})
	slices.Reverse(empty)
	return append(stray, empty...), err
}
