package resolve

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/config"
)

// A taggedVersion is a tag with the version that it reads as.
type taggedVersion struct {
	releases.PlannedTag
	version composer.Version
}

// planTags resolves a repository of a line that builds tags: all its releases from
// the first one on, in Composer's order, which is Adobe's too.
func planTags(r releases.Repository, l listing, skip []string) (releases.PlannedRepository, error) {
	if l.err != nil {
		return releases.PlannedRepository{}, l.err
	}
	tags, notes := releasesOf(r, l.refs, newFilter(skip, r.Tags))
	if len(tags) == 0 {
		return releases.PlannedRepository{}, fmt.Errorf("no tag of it is a release from %s on (%s); correct \"from\" or \"tags\" in the release line",
			cmp.Or(r.From, "the first"), cmp.Or(strings.Join(notes, "; "), "it has no tags"))
	}
	newest := tags[len(tags)-1]
	planned := releases.PlannedRepository{
		Name: r.Name, URL: r.URL, Ref: tagPrefix + newest.Tag, Commit: newest.Commit, Local: r.Local,
		Tag: newest.Tag, TagCommit: newest.Commit, Notes: append([]string{}, notes...),
	}
	for _, t := range tags {
		planned.Tags = append(planned.Tags, t.PlannedTag)
	}
	return planned, nil
}

// releasesOf are the tags of a repository that are built, in their order. One that
// the line adds does not take the place of one that is there: upstream has mended it.
func releasesOf(r releases.Repository, refs []releases.Ref, f filter) (found []taggedVersion, notes []string) {
	commits := map[string]string{}
	for _, extra := range r.ExtraTags {
		commits[extra.Tag] = extra.Commit
	}
	for _, ref := range refs {
		if tag, ok := strings.CutPrefix(ref.Name, tagPrefix); ok {
			if _, extra := commits[tag]; extra {
				notes = append(notes, fmt.Sprintf("tag %s is there now: take it out of extra-tags", tag))
			}
			commits[tag] = ref.Commit
		}
	}
	from, _ := composer.ParseVersion(r.From) // the empty one is below all
	left := leftOut{}
	for _, tag := range slices.Sorted(maps.Keys(commits)) {
		version, reason := f.release(tag)
		if reason == "" && r.From != "" && version.Compare(from) < 0 {
			reason = "are older than " + r.From
		}
		if reason != "" {
			left[reason] = append(left[reason], tag)
			continue
		}
		found = append(found, taggedVersion{releases.PlannedTag{Tag: tag, Commit: commits[tag]}, version})
	}
	slices.SortStableFunc(found, func(a, b taggedVersion) int { return a.version.Compare(b.version) })
	return found, append(notes, left.notes()...)
}

// Continue takes out of the plan what the snapshots of an index have already: tags that
// one of them was made of, and zips. A version that was adopted stays, too. What is published never changes, so a tag that was
// moved since gets a note, and stays what it was.
func Continue(p *releases.Plan, published *releases.Index) {
	known := map[string]string{}
	for _, snapshot := range published.Snapshots {
		if snapshot.Line != p.Line.Name && snapshot.Snapshot.Kind() != releases.Adoption {
			continue
		}
		p.After = append(p.After, releases.Continued{Snapshot: snapshot.Snapshot, SHA256: snapshot.SHA256})
		dropData(p, snapshot)
		for _, r := range snapshot.Tags {
			for _, t := range r.Tags {
				known[r.Repository+" "+t.Tag] = t.Commit
			}
		}
	}
	for i := range p.Repositories {
		r := &p.Repositories[i]
		r.Tags = emptyIsNil(slices.DeleteFunc(r.Tags, func(t releases.PlannedTag) bool {
			commit, ok := known[r.Name+" "+t.Tag]
			if ok && commit != t.Commit {
				r.Notes = append(r.Notes, fmt.Sprintf("tag %s was moved from %.12s to %.12s: what is published of it stays", t.Tag, commit, t.Commit))
			}
			return ok
		}))
	}
	if len(p.Prebuilt) == 0 {
		return
	}
	mine := published.Keep(p.After)
	p.Prebuilt = emptyIsNil(slices.DeleteFunc(p.Prebuilt, func(z releases.PlannedZip) bool {
		return mine.Version(z.Name, z.Version) != nil
	}))
}

// dropData takes out directories of data whose zips a published night has.
func dropData(p *releases.Plan, published releases.IndexedSnapshot) {
	if p.Line.Data == nil || p.Line.Data.Commit != published.Data {
		return
	}
	p.Line.Prebuilt = emptyIsNil(slices.DeleteFunc(p.Line.Prebuilt, func(from releases.Prebuilt) bool {
		return from.Directory != "" && slices.Contains(published.Directories, from.Directory)
	}))
}

// Batch keeps at most n tags in the plan, in their order, of those that were not tried before,
// and adds them to tried.
func Batch(p *releases.Plan, n int, tried map[string]bool) {
	for i := range p.Repositories {
		r := &p.Repositories[i]
		r.Tags = emptyIsNil(slices.DeleteFunc(r.Tags, func(t releases.PlannedTag) bool {
			name := r.Name + " " + t.Tag
			if n == 0 || tried[name] {
				return true
			}
			tried[name] = true
			n--
			return false
		}))
	}
}

// Only keeps the tags of these names in the plan: TAG for all repositories that have it,
// or REPOSITORY=TAG. A name that none has is an error.
func Only(p *releases.Plan, names []string) error {
	used := map[string]bool{}
	for i := range p.Repositories {
		r := &p.Repositories[i]
		r.Tags = emptyIsNil(slices.DeleteFunc(r.Tags, func(t releases.PlannedTag) bool {
			at := slices.IndexFunc(names, func(name string) bool { return name == t.Tag || name == r.Name+"="+t.Tag })
			if at >= 0 {
				used[names[at]] = true
			}
			return at < 0
		}))
	}
	p.Prebuilt, p.Line.Prebuilt = nil, nil
	var problems []error
	for _, name := range names {
		if !used[name] {
			problems = append(problems, fmt.Errorf("%s: no repository of line %s has that tag to be built: it is misspelt, older than \"from\", or published already", name, p.Line.Name))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return &config.Error{Err: err}
	}
	return nil
}

// emptyIsNil is the list as a plan file gives it back, which leaves out empty ones.
func emptyIsNil[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}
