// Package compare says what changed from one snapshot to another: packages, requires
// and commits.
package compare

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/releases"
)

// A Result is what changed. Its lists are in byte order of the names.
type Result struct {
	Format int  `json:"format"` // Format
	Before Side `json:"before"`
	After  Side `json:"after"`
	// Unbuilt says that one of both is only a plan: its packages are unknown, and none are compared.
	Unbuilt bool `json:"unbuilt,omitempty"`
	// Added and Removed are the packages that only one of the two has.
	Added   []Package `json:"added"`
	Removed []Package `json:"removed"`
	// Changed are packages with another version or other requires.
	Changed []ChangedPackage `json:"changed"`
	// Repositories are those with another commit, and those that only one of the two
	// has.
	Repositories []ChangedRepository `json:"repositories"`
}

// Format is the format of results in JSON. It is raised with every field: a result that
// was published is taken again as long as its format is this one.
const Format = 1

// A Side is one of the two snapshots.
type Side struct {
	Line     string                `json:"line"`
	Title    string                `json:"title"`
	Snapshot releases.SnapshotName `json:"snapshot"`
}

// A Package is one that only one side has.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Type    string `json:"type"`
}

// A ChangedPackage is one that both sides have. Before and After are its versions.
type ChangedPackage struct {
	Name   string `json:"name"`
	Type   string `json:"type"` // after
	Before string `json:"before"`
	After  string `json:"after"`
	// Requires are the changed ones, without those that only follow the version of a
	// package of their own snapshot.
	Requires []ChangedRequire `json:"requires"`
}

// A ChangedRequire is a require with another constraint. Before is empty for a new one,
// After for one that is gone.
type ChangedRequire struct {
	Name     string `json:"name"`
	Before   string `json:"before"`
	After    string `json:"after"`
	Evidence string `json:"evidence"` // why it is there; empty for one that is gone
}

// A ChangedRepository is a repository with another commit. Before is empty for a new
// one, After for one that is gone.
type ChangedRepository struct {
	Name   string `json:"name"`
	URL    string `json:"url"` // as in the plan, without user and password
	Before string `json:"before"`
	After  string `json:"after"`
	// Commits are those that After has and Before has not, newest first.
	Commits []Commit `json:"commits"`
	// Unknown is why there are no Commits; empty if they are all.
	Unknown string `json:"unknown"`
}

// A Commit is one commit of a repository.
type Commit struct {
	ID           string        `json:"id"`
	Subject      string        `json:"subject"`
	Author       string        `json:"author"` // a name
	PullRequests []PullRequest `json:"pull-requests"`
	// Parent is the first one, Merged are the others, and At is when it was committed, for who follows the history.
	Parent string    `json:"-"`
	Merged []string  `json:"-"`
	At     time.Time `json:"-"`
}

// A PullRequest is one that a commit came with. URL is empty where the addresses of its
// host are not known.
type PullRequest struct {
	Number string `json:"number"`
	URL    string `json:"url"`
}

// A History knows the commits of repositories. Several goroutines ask it at once.
type History interface {
	// Between gives the commits that after has and before has not, newest first. Nil
	// PullRequests are read out of the subjects. The error says why the history is not
	// available.
	Between(ctx context.Context, url, before, after string) ([]Commit, error)
}

// Files know what commits change.
type Files interface {
	// Touched gives the paths that each of these commits changes, by its ID: of a merge those that it has otherwise than
	// each of its parents. The commits are some that a History gave, newest first.
	Touched(ctx context.Context, url string, commits []Commit) (map[string][]string, error)
}

// Manifests compares two snapshots; one without packages is a plan alone. A history that is nil, or does not answer, is no
// error: the result says that the commits are not known.
func Manifests(ctx context.Context, before, after *releases.Manifest, history History) (*Result, error) {
	r := &Result{
		Format: Format, Before: sideOf(before), After: sideOf(after),
		Added: []Package{}, Removed: []Package{}, Changed: []ChangedPackage{},
	}
	old, now := packagesOf(before), packagesOf(after)
	if r.Unbuilt = len(old) == 0 || len(now) == 0; r.Unbuilt {
		clear(old)
		clear(now)
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		p := now[name]
		if was, ok := old[name]; !ok {
			r.Added = append(r.Added, Package{p.Name, p.Version, p.Type})
		} else if changed := changedPackage(was, p, old, now); changed.Before != changed.After || len(changed.Requires) > 0 {
			r.Changed = append(r.Changed, changed)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if _, ok := now[name]; !ok {
			r.Removed = append(r.Removed, Package{old[name].Name, old[name].Version, old[name].Type})
		}
	}
	var err error
	r.Repositories, err = Repositories(ctx, before.Plan.Repositories, after.Plan.Repositories, history)
	return r, err
}

// Repositories gives those that differ, with the commits between, as Manifests does.
func Repositories(ctx context.Context, before, after []releases.PlannedRepository, history History) ([]ChangedRepository, error) {
	changed := changedRepositories(before, after)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(historyAtOnce)
	for i := range changed {
		group.Go(func() error { return changed[i].ask(ctx, history) })
	}
	return changed, group.Wait()
}

// historyAtOnce is how many repositories are asked at the same time.
const historyAtOnce = 6

func sideOf(m *releases.Manifest) Side {
	return Side{Line: m.Plan.Line.Name, Title: m.Plan.Line.Title, Snapshot: m.Snapshot}
}

func packagesOf(m *releases.Manifest) map[string]releases.ManifestPackage {
	return byName(m.Packages, func(p releases.ManifestPackage) string { return p.Name })
}

func byName[T any](list []T, name func(T) string) map[string]T {
	all := make(map[string]T, len(list))
	for _, item := range list {
		all[name(item)] = item
	}
	return all
}

func changedPackage(was, is releases.ManifestPackage, old, now map[string]releases.ManifestPackage) ChangedPackage {
	changed := ChangedPackage{Name: is.Name, Type: is.Type, Before: was.Version, After: is.Version, Requires: []ChangedRequire{}}
	before, after := requiresOf(was), requiresOf(is)
	for _, name := range slices.Sorted(maps.Keys(after)) {
		r, had := before[name]
		switch {
		case had && r.Constraint == after[name].Constraint:
		case had && r.Constraint == old[name].Version && after[name].Constraint == now[name].Version: // pinned to its night
		default:
			changed.Requires = append(changed.Requires, ChangedRequire{name, r.Constraint, after[name].Constraint, after[name].Evidence})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, has := after[name]; !has {
			changed.Requires = append(changed.Requires, ChangedRequire{Name: name, Before: before[name].Constraint})
		}
	}
	return changed
}

func requiresOf(p releases.ManifestPackage) map[string]releases.Requirement {
	return byName(p.Requires, func(r releases.Requirement) string { return r.Name })
}

func changedRepositories(before, after []releases.PlannedRepository) []ChangedRepository {
	changed := []ChangedRepository{}
	old := byName(before, func(r releases.PlannedRepository) string { return r.Name })
	for _, r := range after {
		was := old[r.Name] // zero for a new one
		delete(old, r.Name)
		if was.Commit != r.Commit {
			changed = append(changed, ChangedRepository{Name: r.Name, URL: r.URL, Before: was.Commit, After: r.Commit, Commits: []Commit{}})
		}
	}
	for _, was := range old {
		changed = append(changed, ChangedRepository{Name: was.Name, URL: was.URL, Before: was.Commit, Commits: []Commit{}})
	}
	slices.SortFunc(changed, func(a, b ChangedRepository) int { return cmp.Compare(a.Name, b.Name) })
	return changed
}

// ask fills in the commits, and takes the user out of the URL.
func (r *ChangedRepository) ask(ctx context.Context, history History) error {
	address := r.URL
	if u, err := url.Parse(r.URL); err == nil && u.User != nil {
		u.User = nil
		r.URL = u.String()
	}
	switch {
	case r.Before == "":
		r.Unknown = "the repository is new"
		return nil
	case r.After == "":
		r.Unknown = "the repository is gone"
		return nil
	case history == nil:
		r.Unknown = "history not asked for"
		return nil
	}
	commits, err := history.Between(ctx, address, r.Before, r.After)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		r.Unknown = "history not available: " + strings.Join(strings.Fields(err.Error()), " ")
		return nil
	}
	merged := MergedBy(commits)
	for _, c := range commits {
		if c.PullRequests == nil {
			c.PullRequests = pullRequests(c.Subject, r.URL)
		}
		if by := merged[c.ID]; by != "" && len(c.PullRequests) == 0 {
			c.PullRequests = pullRequests("#"+by, r.URL)
		}
		r.Commits = append(r.Commits, c)
	}
	return nil
}

// WebURL is the page of a repository on the web: that of an https:// repository,
// without a user in it. It is empty for all others.
func WebURL(repository string) string {
	u, err := url.Parse(repository)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return ""
	}
	web := url.URL{Scheme: "https", Host: u.Host, Path: strings.TrimSuffix(strings.TrimRight(u.Path, "/"), ".git")}
	return web.String()
}

// Quiet reports whether nothing but versions changed.
func (r *Result) Quiet() bool {
	return len(r.Added)+len(r.Removed)+len(r.Repositories)+len(r.RequireChanges()) == 0
}

// RequireChanges are the changed packages that require something else.
func (r *Result) RequireChanges() []ChangedPackage {
	return slices.DeleteFunc(slices.Clone(r.Changed), func(p ChangedPackage) bool { return len(p.Requires) == 0 })
}

// CommitCount is the number of known commits between the snapshots.
func (r *Result) CommitCount() int {
	n := 0
	for _, repository := range r.Repositories {
		n += len(repository.Commits)
	}
	return n
}
