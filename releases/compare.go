package releases

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// A Comparison is what changed from one night to another.
type Comparison struct {
	Format int          `json:"format"` // ComparisonFormat
	Before ComparedSide `json:"before"`
	After  ComparedSide `json:"after"`
	// Added and Removed are packages that only one night has, by name.
	Added   []ComparedPackage `json:"added"`
	Removed []ComparedPackage `json:"removed"`
	// Changed are packages whose version or requires differ, by name.
	Changed []ChangedPackage `json:"changed"`
	// Repositories are those whose commit differs, and those that only one night
	// has, by name.
	Repositories []ChangedRepository `json:"repositories"`
}

// ComparisonFormat is the format of comparisons in JSON.
const ComparisonFormat = 1

// A ComparedSide is one of the two nights.
type ComparedSide struct {
	Line     string       `json:"line"`
	Title    string       `json:"title"`
	Snapshot SnapshotName `json:"night"`
}

// A ComparedPackage is a package of one night.
type ComparedPackage struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Type    string `json:"type"`
}

// A ChangedPackage is a package that both nights have.
type ChangedPackage struct {
	Name   string `json:"name"`
	Type   string `json:"type"` // after
	Before string `json:"before"`
	After  string `json:"after"`
	// Requires are those that differ, by name. Requires of packages of the
	// nights themselves that only follow their versions are not among them.
	Requires []ChangedRequire `json:"requires"`
}

// A ChangedRequire is a require that differs. Before is empty for one that is new,
// After for one that is gone.
type ChangedRequire struct {
	Name     string `json:"name"`
	Before   string `json:"before"`
	After    string `json:"after"`
	Evidence string `json:"evidence"` // why it is there; empty for one that is gone
}

// A ChangedRepository is a repository whose commit differs.
type ChangedRepository struct {
	Name   string `json:"name"`
	URL    string `json:"url"`    // as in the plan, without user and password
	Before string `json:"before"` // commit; empty: the night did not have the repository
	After  string `json:"after"`
	// Commits are those that After has and Before has not, newest first.
	Commits []Commit `json:"commits"`
	// Unknown is why there are no Commits; empty if they are all.
	Unknown string `json:"unknown"`
}

// A Commit is one commit of a repository.
type Commit struct {
	ID      string `json:"id"`
	Subject string `json:"subject"`
	Author  string `json:"author"` // a name
	// PullRequests are the numbers that the subject names, as #123.
	PullRequests []PullRequest `json:"pull-requests"`
}

// A PullRequest is one that a commit's subject names. URL is empty where it is not
// known how the host writes it.
type PullRequest struct {
	Number string `json:"number"`
	URL    string `json:"url"`
}

// A History tells the commits between two commits.
type History interface {
	// Between gives the commits of a repository that after has and before has
	// not, newest first. PullRequests may be nil: then they are read out of the
	// subjects. It is asked from several goroutines. An error says that the history is not available, and why.
	Between(ctx context.Context, url, before, after string) ([]Commit, error)
}

// Compare says what changed from one night to another. Commits come from history;
// where it has none, or is nil, the comparison says so and is no failure.
func Compare(ctx context.Context, before, after *Manifest, history History) (*Comparison, error) {
	c := &Comparison{
		Format: ComparisonFormat, Before: sideOf(before), After: sideOf(after),
		Added: []ComparedPackage{}, Removed: []ComparedPackage{}, Changed: []ChangedPackage{}, Repositories: []ChangedRepository{},
	}
	old, now := packagesOf(before), packagesOf(after)
	for _, name := range slices.Sorted(maps.Keys(now)) {
		p := now[name]
		if was, ok := old[name]; !ok {
			c.Added = append(c.Added, ComparedPackage{p.Name, p.Version, p.Type})
		} else if changed := changedPackage(was, p, old, now); changed.Before != changed.After || len(changed.Requires) > 0 {
			c.Changed = append(c.Changed, changed)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if _, ok := now[name]; !ok {
			c.Removed = append(c.Removed, ComparedPackage{old[name].Name, old[name].Version, old[name].Type})
		}
	}
	c.Repositories = changedRepositories(before.Plan.Repositories, after.Plan.Repositories)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(historyAtOnce)
	for i := range c.Repositories {
		group.Go(func() error { return c.Repositories[i].ask(ctx, history) })
	}
	return c, group.Wait()
}

// historyAtOnce is how many repositories are asked at the same time.
const historyAtOnce = 6

func sideOf(m *Manifest) ComparedSide {
	return ComparedSide{Line: m.Plan.Line.Name, Title: m.Plan.Line.Title, Snapshot: m.Snapshot}
}

func packagesOf(m *Manifest) map[string]ManifestPackage {
	packages := make(map[string]ManifestPackage, len(m.Packages))
	for _, p := range m.Packages {
		packages[p.Name] = p
	}
	return packages
}

func changedPackage(was, is ManifestPackage, old, now map[string]ManifestPackage) ChangedPackage {
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

func requiresOf(p ManifestPackage) map[string]Requirement {
	requires := make(map[string]Requirement, len(p.Requires))
	for _, r := range p.Requires {
		requires[r.Name] = r
	}
	return requires
}

func changedRepositories(before, after []PlannedRepository) []ChangedRepository {
	changed := []ChangedRepository{}
	old := map[string]PlannedRepository{}
	for _, r := range before {
		old[r.Name] = r
	}
	for _, r := range after {
		was := old[r.Name] // zero: the repository is new
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
	for _, c := range commits {
		if c.PullRequests == nil {
			c.PullRequests = pullRequests(c.Subject, r.URL)
		}
		r.Commits = append(r.Commits, c)
	}
	return nil
}

var pullRequestNumber = regexp.MustCompile(`#([1-9][0-9]{0,8})\b`)

// pullRequests finds the numbers that a subject names.
func pullRequests(subject, repository string) []PullRequest {
	found := []PullRequest{}
	web := WebURL(repository)
	for _, match := range pullRequestNumber.FindAllStringSubmatch(subject, -1) {
		request := PullRequest{Number: match[1]}
		if strings.HasPrefix(web, "https://github.com/") {
			request.URL = web + "/pull/" + match[1]
		}
		if !slices.Contains(found, request) {
			found = append(found, request)
		}
	}
	return found
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
func (c *Comparison) Quiet() bool {
	return len(c.Added)+len(c.Removed)+len(c.Repositories)+len(c.RequireChanges()) == 0
}

// RequireChanges are the changed packages that require something else.
func (c *Comparison) RequireChanges() []ChangedPackage {
	found := []ChangedPackage{}
	for _, p := range c.Changed {
		if len(p.Requires) > 0 {
			found = append(found, p)
		}
	}
	return found
}

// CommitCount is how many commits are known to lie between the nights.
func (c *Comparison) CommitCount() int {
	n := 0
	for _, r := range c.Repositories {
		n += len(r.Commits)
	}
	return n
}
