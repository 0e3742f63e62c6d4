package releases

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
)

// A Ref is one ref of a git repository. For an annotated tag, Commit is the
// commit that it stands for, not the tag object.
type Ref struct {
	Name   string // full: refs/heads/main
	Commit string // 40 hexadecimal digits
}

// A Lister lists the refs of a git repository, branches and tags at least. Its
// errors say what to do. Several goroutines use it at once.
type Lister interface {
	List(ctx context.Context, url string) ([]Ref, error)
}

// A Resolver makes plans.
type Resolver struct {
	Lister  Lister
	Fetcher composer.Fetcher
	// Locate gives the folder of an embedded: URL.
	Locate   func(url string) (dir string, err error)
	Log      *slog.Logger      // nil: no log
	Progress pipeline.Progress // nil: none is shown
}

// maxRequests bounds the requests that are under way at one time, to all
// servers together.
const maxRequests = 8

// Resolve makes the plan of one night: date is a UTC day such as 2026-11-24, and
// number counts the nights of that day from 0. It asks all sources at once, goes on
// when one fails, and names all problems together; each that is about a source is
// a *SourceError. The line is not changed.
func (r *Resolver) Resolve(ctx context.Context, line *Line, date string, number int) (*Plan, error) {
	return r.resolve(ctx, line, date, number, nil)
}

// ResolveRelease makes the plan of a tagged release of a line that Line.Release has
// prepared: as Resolve does, but a repository may have no release yet, and tags of
// the very version do not count, since they are this release's. Aliased is as in
// PlannedRelease.
func (r *Resolver) ResolveRelease(ctx context.Context, line *Line, date, version string, aliased []string) (*Plan, error) {
	return r.resolve(ctx, line, date, 0, &PlannedRelease{Version: version, Aliased: append([]string{}, aliased...)})
}

func (r *Resolver) resolve(ctx context.Context, line *Line, date string, number int, release *PlannedRelease) (*Plan, error) {
	if err := checkDay(date, number); err != nil {
		return nil, &ConfigError{Err: err}
	}
	if line.IsRelease() && release == nil {
		return nil, configErrorf("line %s makes tagged releases and no nights; use the command release, which wants a version", line.Name)
	}
	effective, err := line.Clone()
	if err != nil {
		return nil, fmt.Errorf("copy line %s: %w", line.Name, err)
	}
	p := &Plan{Format: PlanFormat, Program: Program, Line: *effective, Date: date, Number: number, Release: release,
		Repositories: []PlannedRepository{}, Replace: map[string]string{}, LatestTags: map[string]string{}}
	var upstream error
	var wait sync.WaitGroup
	wait.Go(func() { upstream = errors.Join(r.addUpstream(ctx, p), r.addPrebuilt(ctx, p)) })
	listed := r.listAll(ctx, line)
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("plan %s of line %s: %w", p.Snapshot(), line.Name, err)
	}
	problems := append(p.addRepositories(listed), p.addLatestTags(listed)...)
	if err := errors.Join(append(problems, upstream)...); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("plan %s of line %s: %w", p.Snapshot(), line.Name, err)
	}
	return p, nil
}

// A listing is what a repository answered.
type listing struct {
	refs []Ref
	err  error
}

// listAll lists every repository that the line names, each once.
func (r *Resolver) listAll(ctx context.Context, line *Line) map[string]listing {
	var urls, items []string
	known := map[string]bool{}
	add := func(url, item string) {
		if !known[url] {
			known[url] = true
			urls, items = append(urls, url), append(items, item)
		}
	}
	for _, repository := range line.Repositories {
		add(repository.URL, repository.Name)
	}
	for _, require := range latestTagRequires(line) {
		add(require.LatestTag, require.Package)
	}
	listings := make([]listing, len(urls))
	var done atomic.Int64
	var group errgroup.Group
	group.SetLimit(maxRequests)
	for i, url := range urls {
		group.Go(func() error {
			refs, err := r.Lister.List(ctx, url)
			listings[i] = listing{refs, err}
			r.progress(items[i], done.Add(1), len(urls))
			return nil // that one fails must not stop the others
		})
	}
	_ = group.Wait()
	listed := make(map[string]listing, len(urls))
	for i, url := range urls {
		listed[url] = listings[i]
	}
	return listed
}

func (r *Resolver) progress(item string, done int64, total int) {
	if r.Progress != nil {
		r.Progress(pipeline.Step{Stage: "plan", Item: item, Done: done, Total: int64(total), Unit: "repositories"})
	}
}

// latestTagRequires are the requires that take a repository's latest tag.
func latestTagRequires(line *Line) []Require {
	var requires []Require
	for _, edition := range line.Editions {
		for _, require := range edition.Require {
			if require.LatestTag != "" {
				requires = append(requires, require)
			}
		}
	}
	return requires
}

func (p *Plan) addRepositories(listed map[string]listing) []error {
	var problems []error
	for _, repository := range p.Line.Repositories {
		resolve := planRepository
		switch {
		case p.Line.BuildsTags():
			resolve = planTags
		case p.Release != nil:
			resolve = p.Release.planRepository
		}
		planned, err := resolve(repository, listed[repository.URL], p.Line.Versions.SkipTags)
		if err != nil {
			problems = append(problems, &SourceError{Repository: repository.Name, URL: repository.URL, Err: err})
		}
		p.Repositories = append(p.Repositories, planned)
	}
	return problems
}

func (p *Plan) addLatestTags(listed map[string]listing) []error {
	var problems []error
	for _, require := range latestTagRequires(&p.Line) {
		url := require.LatestTag
		if _, known := p.LatestTags[url]; known {
			continue
		}
		tag, _, err := latestRelease(listed[url], p.Line.Versions.SkipTags)
		if err != nil {
			problems = append(problems, &SourceError{Repository: require.Package, URL: url, Err: err})
		}
		p.LatestTags[url] = tag.short()
	}
	return problems
}
