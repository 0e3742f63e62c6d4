package publish

import (
	"maps"
	"slices"
	"time"
)

// DefaultGrace is for how long superseded metadata stays, with all that it names:
// a client that started before the switch still finds it.
const DefaultGrace = 48 * time.Hour

// keepGraced adds to the live nights those that superseded metadata names, as long
// as that has not been superseded for the whole grace period.
func (r *repository) keepGraced(all []*snapshot, before state, w wish) {
	r.superseded = map[string]time.Time{}
	graced := map[string]bool{}
	for _, m := range before.merged {
		if m.digest == r.metadata.name || !m.whole {
			continue
		}
		since, known := before.superseded[m.digest]
		if !known || m.digest == before.current {
			// By this run, or by one that was killed before it could say so. An older time of
			// the current one is of a rollback to it that was killed there.
			since = w.now
		}
		r.superseded[m.digest] = since
		if w.now.Sub(since) < w.grace {
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

// A sweep is what the repository no longer needs, in groups that go one after the
// other: what names something goes before what it names.
type sweep struct {
	heads [][]string // of metadata and nights: without them a folder counts as torn
	rest  []string   // of their folders
	dists []string
	torn  []string // folders that a killed run has begun to remove; they may hold no file any more
}

func (s sweep) groups() [][]string { return append(slices.Clone(s.heads), s.rest, s.dists) }

// metaUnused are the metadata folders that may go.
func (r *repository) metaUnused(before state, w wish) []string {
	var unused []string
	for _, m := range before.merged {
		since, whole := r.superseded[m.digest]
		if m.digest != r.metadata.name && (!whole || w.now.Sub(since) >= w.grace) {
			unused = append(unused, m.digest)
		}
	}
	return unused
}

// snapshotsUnused are the nights that may go, also those that a killed run left in
// part.
func (r *repository) snapshotsUnused(before state, w wish) []string {
	var unused []string
	for _, n := range before.all {
		if !slices.ContainsFunc(r.live, func(l *snapshot) bool { return l.name == n.name }) {
			unused = append(unused, n.name)
		}
	}
	for _, name := range before.torn {
		if w.add == nil || w.add.name != name {
			unused = append(unused, name)
		}
	}
	return unused
}

// supersededStays are the entries of supersededFile that say something of what the
// target has.
func supersededStays(times map[string]time.Time, before state) map[string]time.Time {
	stays := maps.Clone(times)
	maps.DeleteFunc(stays, func(digest string, _ time.Time) bool {
		return !slices.ContainsFunc(before.merged, func(m merged) bool { return m.digest == digest })
	})
	return stays
}
