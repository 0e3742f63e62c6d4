package resolve

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/config"
)

const (
	branchPrefix = "refs/heads/"
	tagPrefix    = "refs/tags/"
)

// planBranch resolves a repository's ref and its latest release. What is wrong with the
// one does not hide what is wrong with the other.
func planBranch(r releases.Repository, l listing, skip []string) (releases.PlannedRepository, error) {
	if l.err != nil {
		return releases.PlannedRepository{}, l.err
	}
	ref, note, refErr := findRef(l.refs, r.Ref)
	tag, notes, tagErr := latestRelease(l, newFilter(skip, r.Tags))
	if tagErr != nil && r.Local {
		tagErr = fmt.Errorf("%w; or fetch the tags into the local clone: git fetch --tags", tagErr)
	}
	if note != "" {
		notes = append(notes, note)
	}
	if note := ofNewerBranch(r, l, skip, tag); note != "" {
		notes = append(notes, note)
	}
	return releases.PlannedRepository{
		Name: r.Name, URL: r.URL, Ref: ref.Name, Commit: ref.Commit, Local: r.Local,
		Tag: tag.Short(), TagCommit: tag.Commit, Notes: append([]string{}, notes...),
	}, errors.Join(refErr, tagErr)
}

// numbered is a branch whose name begins with a version: 2.0-develop.
var numbered = regexp.MustCompile(`^\d+(\.\d+)*`)

// ofNewerBranch says that the latest release lies above those of a branch that has the
// number of a version, and how the branch's own would be taken.
func ofNewerBranch(r releases.Repository, l listing, skip []string, latest releases.Ref) string {
	number := numbered.FindString(r.Ref)
	version, err := composer.ParseVersion(latest.Short())
	if number == "" || err != nil || r.Tags != "" {
		return ""
	}
	branch, err := composer.ParseVersion(number)
	own, _, ownErr := latestRelease(l, newFilter(skip, number+".*"))
	if err != nil || ownErr != nil || own == latest || version.Compare(branch) < 0 {
		return ""
	}
	return fmt.Sprintf("its latest release is %s, the highest of all tags, and its branch is %s; to have %s, write tags: %s.* in the release line", latest.Short(), r.Ref, own.Short(), number)
}

// ofRelease is planBranch for a release: its own tag does not count, and a repository may
// have no release before.
func ofRelease(version string) func(releases.Repository, listing, []string) (releases.PlannedRepository, error) {
	return func(r releases.Repository, l listing, skip []string) (releases.PlannedRepository, error) {
		l.refs = slices.DeleteFunc(slices.Clone(l.refs), func(ref releases.Ref) bool { return ref.Name == tagPrefix+version })
		planned, err := planBranch(r, l, skip)
		if errors.Is(err, errNoRelease) && planned.Commit != "" {
			return planned, nil
		}
		return planned, err
	}
}

// errNoRelease says that a repository has no tag that is a release.
var errNoRelease = errors.New("no tag of it is a release")

// findRef finds a branch or tag; a branch counts where both have the name, and
// the note says so.
func findRef(refs []releases.Ref, want string) (found releases.Ref, note string, err error) {
	names := []string{branchPrefix + want, tagPrefix + want}
	if want == "HEAD" || strings.HasPrefix(want, "refs/") {
		names = []string{want}
	}
	for _, name := range names {
		i := slices.IndexFunc(refs, func(r releases.Ref) bool { return r.Name == name })
		switch {
		case i < 0:
		case found.Name == "":
			found = refs[i]
		case refs[i].Commit != found.Commit:
			note = fmt.Sprintf("%s and %s differ: the branch is taken", found.Name, name)
		}
	}
	if pull, ok := strings.CutPrefix(want, "refs/pull/"); ok && found.Name == "" {
		return releases.Ref{}, "", fmt.Errorf("it has no merge of pull request %s: that conflicts with its branch, was closed, or is not known; merge it on a branch of your own and give that", strings.TrimSuffix(pull, "/merge"))
	}
	if found.Name == "" {
		return releases.Ref{}, "", fmt.Errorf("ref %q is no branch or tag there%s; correct the ref in the release line", want, nearestBranches(refs, want))
	}
	return found, note, nil
}

// latestRelease is the tag of the latest release.
func latestRelease(l listing, f filter) (releases.Ref, []string, error) {
	if l.err != nil {
		return releases.Ref{}, nil, l.err
	}
	var tags []string
	commits := map[string]string{}
	for _, ref := range l.refs {
		if tag, ok := strings.CutPrefix(ref.Name, tagPrefix); ok {
			tags = append(tags, tag)
			commits[tag] = ref.Commit
		}
	}
	tag, notes := latestTag(tags, f)
	if tag == "" {
		why := "it has no tags"
		if len(notes) > 0 {
			why = strings.Join(notes, "; ")
		}
		return releases.Ref{}, nil, fmt.Errorf("%w (%s); tag its first release, such as 0.1.0", errNoRelease, why)
	}
	return releases.Ref{Name: tagPrefix + tag, Commit: commits[tag]}, notes, nil
}

// shorten bounds the names that are compared; a server's refs have no bound.
func shorten(name string) string { return name[:min(len(name), 200)] }

// maxNearest is how many branches a message offers.
const maxNearest = 5

// nearestBranches names the branches that are most like a ref that is not there.
func nearestBranches(refs []releases.Ref, want string) string {
	type branch struct {
		name     string
		distance int
	}
	var branches []branch
	for _, ref := range refs {
		if strings.HasPrefix(ref.Name, branchPrefix) {
			branches = append(branches, branch{ref.Short(), config.Distance(shorten(ref.Short()), shorten(want))})
		}
	}
	if len(branches) == 0 {
		return ", and it has no branches"
	}
	slices.SortFunc(branches, func(a, b branch) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), strings.Compare(a.name, b.name))
	})
	var names []string
	for _, b := range branches[:min(len(branches), maxNearest)] {
		names = append(names, b.name)
	}
	return fmt.Sprintf(" (nearest of its %d branches: %s)", len(branches), strings.Join(names, ", "))
}
