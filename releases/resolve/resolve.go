// Package resolve makes plans: it finds the commits, tags and upstream versions that a
// release line names.
package resolve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/config"
)

// A Lister lists the refs of a git repository, branches and tags at least. Its errors say
// what to do. Several goroutines use it at once.
type Lister interface {
	List(ctx context.Context, url string) ([]releases.Ref, error)
}

// Options are how sources are reached.
type Options struct {
	Lister  Lister
	Fetcher composer.Fetcher
	// Protect gives a fetcher that reads of the repository at a URL only what is signed by a
	// root that is trusted.
	Protect func(ctx context.Context, f composer.Fetcher, url, root string) (composer.Fetcher, error)
	// Locate gives the folder of an embedded: URL.
	Locate func(url string) (dir string, err error)
	// WorkTree takes the working tree in a folder into the store.
	WorkTree func(ctx context.Context, folder string) (pipeline.Tree, error)
	Progress pipeline.Progress // nil: none is shown
}

// maxRequests bounds the requests that are under way at one time, to all servers
// together.
const maxRequests = 8

// each does something for several sources at once. That one fails does not stop the
// others.
func each[T any](all []T, do func(i int, one T)) {
	var group errgroup.Group
	group.SetLimit(maxRequests)
	for i, one := range all {
		group.Go(func() error {
			do(i, one)
			return nil
		})
	}
	_ = group.Wait()
}

// Line makes the plan of a line's first night or addition of a day, a UTC date such as
// 2026-11-24. It asks all sources at once and names all problems together; each that is
// about a source is a *SourceError. The line is not changed.
func Line(ctx context.Context, o Options, line *releases.Line, date string) (*releases.Plan, error) {
	if line.IsRelease() {
		return nil, config.Errorf("line %s makes tagged releases and no nights; use the command release, which wants a version", line.Name)
	}
	return o.resolve(ctx, line, date, nil)
}

// Release makes the plan of a tagged release, of a line that Line.Release has prepared.
// Unlike for a night, a repository may have no release yet. Tags of this version do not
// count: they are this release's. Aliased is PlannedRelease.Aliased.
func Release(ctx context.Context, o Options, line *releases.Line, date, version string, aliased []string) (*releases.Plan, error) {
	return o.resolve(ctx, line, date, &releases.PlannedRelease{Version: version, Aliased: append([]string{}, aliased...)})
}

func (o Options) resolve(ctx context.Context, line *releases.Line, date string, release *releases.PlannedRelease) (*releases.Plan, error) {
	effective, err := line.Clone()
	if err != nil {
		return nil, fmt.Errorf("copy line %s: %w", line.Name, err)
	}
	p := &releases.Plan{
		Format: releases.PlanFormat, Program: releases.Program, Line: *effective, Date: date, Release: release,
		Repositories: []releases.PlannedRepository{}, Replace: map[string]string{}, LatestTags: map[string]string{},
	}
	if p.Snapshot().Kind() == 0 {
		return nil, config.Errorf("%q: want a UTC day such as 2026-11-24, or the version of a release", p.Snapshot())
	}
	var upstream error
	var wait sync.WaitGroup
	wait.Go(func() { upstream = errors.Join(o.addUpstream(ctx, p), o.addPrebuilt(ctx, p)) })
	listed := o.listAll(ctx, line)
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("plan %s of line %s: %w", p.Snapshot(), line.Name, err)
	}
	problems := append(addRepositories(p, listed), addLatestTags(p, listed)...)
	for i, r := range line.Repositories {
		if r.Folder != "" {
			tree, err := o.WorkTree(ctx, r.Folder)
			p.Repositories[i].Tree, problems = tree, append(problems, err)
		}
	}
	if err := releases.JoinSources(append(problems, upstream)...); err != nil {
		return nil, err
	}
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("plan %s of line %s: %w", p.Snapshot(), line.Name, err)
	}
	return p, nil
}

// A listing is the answer of a repository: its refs, or an error.
type listing struct {
	refs []releases.Ref
	err  error
}

// listAll lists every repository that the line names, each once.
func (o Options) listAll(ctx context.Context, line *releases.Line) map[string]listing {
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
	each(urls, func(i int, url string) {
		refs, err := o.Lister.List(ctx, url)
		listings[i] = listing{refs, err}
		o.progress(items[i], done.Add(1), len(urls))
	})
	listed := make(map[string]listing, len(urls))
	for i, url := range urls {
		listed[url] = listings[i]
	}
	return listed
}

func (o Options) progress(item string, done int64, total int) {
	if o.Progress != nil {
		o.Progress(pipeline.Step{Stage: "plan", Item: item, Done: done, Total: int64(total), Unit: "repositories"})
	}
}

// latestTagRequires are the requires that take a repository's latest tag.
func latestTagRequires(line *releases.Line) []releases.Require {
	var requires []releases.Require
	for _, edition := range line.Editions {
		for _, require := range edition.Require {
			if require.LatestTag != "" {
				requires = append(requires, require)
			}
		}
	}
	return requires
}

func addRepositories(p *releases.Plan, listed map[string]listing) []error {
	var problems []error
	for _, repository := range p.Line.Repositories {
		find := planBranch
		switch {
		case p.Line.BuildsTags():
			find = planTags
		case p.Release != nil:
			find = ofRelease(p.Release.Version)
		}
		planned, err := find(repository, listed[repository.URL], p.Line.Versions.SkipTags)
		if err != nil {
			problems = append(problems, &releases.SourceError{Repository: repository.Name, URL: repository.URL, Err: err})
		}
		p.Repositories = append(p.Repositories, planned)
	}
	return problems
}

func addLatestTags(p *releases.Plan, listed map[string]listing) []error {
	var problems []error
	for _, require := range latestTagRequires(&p.Line) {
		url := require.LatestTag
		if _, known := p.LatestTags[url]; known {
			continue
		}
		tag, _, err := latestRelease(listed[url], newFilter(p.Line.Versions.SkipTags, ""))
		if err != nil {
			problems = append(problems, &releases.SourceError{Repository: require.Package, URL: url, Err: err})
		}
		p.LatestTags[url] = tag.Short()
	}
	return problems
}
