// Package suspects names the commits, and the releases of others, that may have made a line red: what came between its
// last good night and its first bad plan, ranked by what it touches.
package suspects

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/history"
)

// Named is how many suspects are named where there is no room for all.
const Named = 5

// A Case is what is to be explained.
type Case struct {
	Good, Bad *releases.Plan
	// Packages are those that were built of either plan: where they lie, and what they require.
	Packages []releases.ManifestPackage
	// Was are those of the good plan.
	Was []releases.ManifestPackage
	// Failure is what the step that failed said.
	Failure string
	// Read gives a file of a repository as the bad plan has it; nil: none is read.
	Read func(repository, path string) []byte
	// Before and After are the versions of packages of others that Composer installed with either plan; nil: not known.
	Before, After map[string]string
}

// A History knows commits and what they change.
type History struct {
	compare.History
	compare.Files
}

// Find gives all suspects, the most likely first.
func Find(ctx context.Context, c Case, known History) ([]history.Suspect, error) {
	changed, err := compare.Repositories(ctx, c.Good.Repositories, c.Bad.Repositories, known)
	if err != nil {
		return nil, err
	}
	e := evidenceOf(c.Failure, c.Packages)
	e.word = wordsOf(c.Failure, c.Read)
	e.lost = lostRequires(c)
	all := append(ofPlan(c.Good, c.Bad), e.releases(c.Before, c.After)...)
	for _, r := range changed {
		if len(r.Commits) == 0 {
			all = append(all, unknown(r))
			continue
		}
		url := r.URL
		if planned, ok := c.Bad.Repository(r.Name); ok {
			url = planned.URL // with its user
		}
		touched, err := known.Touched(ctx, url, r.Commits)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		for _, commit := range r.Commits {
			paths := touched[commit.ID]
			if err == nil && len(paths) == 0 {
				continue // a merge of what stands here by itself, or no change
			}
			one := ranked{Suspect: suspectOf(r, commit), rank: rankUnknown}
			if one.Why = "what it changes is not known"; err == nil {
				e.rank(&one, r.Name, paths)
			}
			all = append(all, one)
		}
	}
	slices.SortStableFunc(all, func(a, b ranked) int {
		return cmp.Or(a.rank-b.rank, a.place-b.place, a.paths-b.paths)
	})
	found := make([]history.Suspect, len(all))
	for i, one := range all {
		found[i] = one.Suspect
	}
	return found, nil
}

func suspectOf(r compare.ChangedRepository, c compare.Commit) history.Suspect {
	title := c.Subject
	for _, pull := range c.PullRequests {
		if !strings.Contains(title, "#"+pull.Number) { // the merge that brought it in has said so
			title += " (#" + pull.Number + ")"
		}
	}
	return history.Suspect{Name: r.Name, Commit: c.ID, Author: c.Author, Title: title, URL: compare.Page(r.URL, c)}
}

// unknown stands for all commits of a repository of which none is known.
func unknown(r compare.ChangedRepository) ranked {
	why := "its commits are not known: " + r.Unknown
	if r.Unknown == "" { // after has none that before has not
		why = "it went back to an older commit"
	}
	return ranked{Suspect: history.Suspect{Name: r.Name, Commit: r.After, URL: compare.Page(r.URL, compare.Commit{ID: r.After}), Why: why}, rank: rankUnknown}
}

// A ranked suspect is more likely the lower its rank is, then the earlier the failure names what it touches, then the less
// it changes: what changes everything says little.
type ranked struct {
	history.Suspect
	rank, place, paths int
}

// The ranks.
const (
	rankFile = iota
	rankWord
	rankLost
	rankBlamed
	rankRequired
	rankUnknown
	rankElse
)

// Evidence is what a failure names.
type evidence struct {
	files    map[string]bool   // paths, whole and from any of their folders on
	blamed   []string          // packages
	requires map[string]string // a package that a blamed one requires → that
	dirs     []home
	lost     map[string]string                    // composer.json of a repository → what it requires no more, and is not installed since
	word     func(repository, path string) string // of the failure that stands in a file, or nothing
}

// A home is where a package lies.
type home struct{ repository, dir, name string }

func evidenceOf(failure string, packages []releases.ManifestPackage) evidence {
	e := evidence{files: filesIn(failure, packages), requires: map[string]string{}}
	names := map[string]bool{}
	for _, p := range packages {
		e.dirs = append(e.dirs, home{p.Repository, p.Directory, p.Name})
		names[p.Name] = true
	}
	if blamed := stages.Blamed(failure); blamed != "" {
		e.blamed = strings.Split(blamed, ", ")
	} else { // a stage before the installation names them in its sentences
		for _, name := range packageName.FindAllString(failure, -1) {
			if names[name] && !slices.Contains(e.blamed, name) {
				e.blamed = append(e.blamed, name)
			}
		}
	}
	for _, name := range e.blamed {
		for _, p := range packages {
			for _, r := range p.Requires {
				if p.Name == name && e.requires[r.Name] == "" && !composer.IsPlatform(r.Name) {
					e.requires[r.Name] = name
				}
			}
		}
	}
	// The deepest first: a package may lie in another's folder.
	slices.SortStableFunc(e.dirs, func(a, b home) int { return len(b.dir) - len(a.dir) })
	return e
}

// rank says of a commit that changes these paths of a repository how likely it is, and why.
func (e evidence) rank(one *ranked, repository string, paths []string) {
	one.rank, one.paths = rankElse, len(paths)
	one.Why = "changes " + markdown.Count(len(paths), "file") + " that the failure does not name"
	better := func(rank, place int, why string, values ...any) {
		if rank < one.rank || rank == one.rank && place < one.place {
			one.rank, one.place, one.Why = rank, place, fmt.Sprintf(why, values...)
		}
	}
	for _, file := range paths {
		if e.files[file] {
			better(rankFile, 0, "changes %s, which the failure names", file)
		} else if word := e.word(repository, file); word != "" {
			better(rankWord, 0, "changes %s, which has %q as the failure has", file, word)
		}
		if why := e.lost[repository+":"+file]; why != "" {
			better(rankLost, 0, "changes %s: %s", file, why)
		}
		name := e.owner(repository, file)
		if at := slices.Index(e.blamed, name); at >= 0 {
			better(rankBlamed, at, "changes %s, which the failure names", name)
		} else if by := e.requires[name]; by != "" {
			better(rankRequired, slices.Index(e.blamed, by), "changes %s, which %s requires", name, by)
		}
	}
}

// lostRequires are what packages required, and do not any more, of what is not installed since.
func lostRequires(c Case) map[string]string {
	lost, was := map[string]string{}, map[string][]releases.Requirement{}
	for _, p := range c.Was {
		was[p.Name] = p.Requires
	}
	for _, p := range c.Packages {
		for _, r := range was[p.Name] {
			gone := !slices.ContainsFunc(p.Requires, func(now releases.Requirement) bool { return now.Name == r.Name })
			if gone && c.Before[r.Name] != "" && c.After != nil && c.After[r.Name] == "" {
				lost[p.Repository+":"+path.Join(p.Directory, "composer.json")] = p.Name + " requires " + r.Name + " no more, and it is not installed since"
			}
		}
	}
	return lost
}

// owner is the package that a path belongs to, or nothing.
func (e evidence) owner(repository, path string) string {
	for _, h := range e.dirs {
		if h.repository == repository && (h.dir == "." || strings.HasPrefix(path, h.dir+"/")) {
			return h.name
		}
	}
	return ""
}

// releases are the packages of others that Composer installed in another version.
func (e evidence) releases(was, is map[string]string) (found []ranked) {
	if was == nil || is == nil {
		return nil
	}
	both := maps.Clone(was)
	maps.Copy(both, is)
	for _, name := range slices.Sorted(maps.Keys(both)) {
		if was[name] == is[name] {
			continue
		}
		one := ranked{Suspect: history.Suspect{Name: name, Title: cmp.Or(was[name], "not installed") + " → " + cmp.Or(is[name], "not installed")}, rank: rankElse}
		one.Why = "a release of somebody else's"
		if at := slices.Index(e.blamed, name); at >= 0 {
			one.rank, one.place, one.Why = rankBlamed, at, one.Why+" that the failure names"
		} else if by := e.requires[name]; by != "" {
			one.rank, one.place, one.Why = rankRequired, slices.Index(e.blamed, by), one.Why+" that "+by+" requires"
		}
		found = append(found, one)
	}
	return found
}
