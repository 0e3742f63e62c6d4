package ci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

// releaseBranch is the branch of a release's commits.
func releaseBranch(version string) string { return "release/" + version }

// sourcePlan is the plan of the commits that the release commits are made of. A
// release that was begun goes on with its own: the saved one, or, on another
// machine, what the release branches tell.
func (r *releasing) sourcePlan(ctx context.Context) (*releases.Plan, error) {
	if r.flags.plan != "" {
		plan, err := readPlan(r.flags.plan)
		if err != nil {
			return nil, err
		}
		return plan, r.fits(plan, "--plan "+r.flags.plan)
	}
	line, err := releases.Load(r.flags.line)
	if err != nil {
		return nil, err
	}
	if err := line.Release(r.version.String(), r.flags.upstream, r.flags.refs); err != nil {
		return nil, err
	}
	file := r.sourceFile(line.Name)
	if _, err := os.Stat(file); err == nil && !r.flags.restart {
		plan, err := readPlan(file)
		if err != nil {
			return nil, err
		}
		if !sameLine(line, &plan.Line) {
			return nil, &usageError{fmt.Errorf("the release that was begun here (%s) is of another line, or of another --upstream or --ref; "+
				"give those, or --plan with that file, or begin again with --restart", file)}
		}
		return plan, nil
	}
	plan, err := r.resolveRelease(ctx, line)
	if err != nil || r.flags.dryRun {
		return plan, err
	}
	data, err := plan.Encode()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, err
	}
	return plan, writeFile(file, data)
}

func sameLine(a, b *releases.Line) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

func (r *releasing) sourceFile(line string) string {
	return filepath.Join(r.dir, "plans", line+"-"+r.version.String()+"-source.json")
}

// fits says whether a plan is one of the release that is asked for.
func (r *releasing) fits(plan *releases.Plan, what string) error {
	upstream := ""
	if plan.Line.Upstream != nil {
		upstream = plan.Line.Upstream.Version
	}
	switch {
	case plan.Release == nil || plan.Release.Version != r.version.String():
		return &usageError{fmt.Errorf("%s is of %s, not of release %s", what, plan.Snapshot(), r.version)}
	case r.flags.upstream != "" && upstream != r.flags.upstream:
		return &usageError{fmt.Errorf("%s stands for upstream %s, not for %s; give that, or begin again with --restart", what, upstream, r.flags.upstream)}
	case slices.ContainsFunc(plan.Repositories, func(p releases.PlannedRepository) bool { return p.Source != "" }):
		return &usageError{fmt.Errorf("%s is built from release commits already; give the plan that they were made of, %s-%s-source.json", what, plan.Line.Name, r.version)}
	}
	if len(r.flags.refs) > 0 {
		return &usageError{fmt.Errorf("%s says which refs are taken: leave out --ref", what)}
	}
	return nil
}

// resolveRelease makes a new plan, and goes on with what release branches are there.
func (r *releasing) resolveRelease(ctx context.Context, line *releases.Line) (*releases.Plan, error) {
	published, aliased, err := r.published(ctx, line)
	if err != nil {
		return nil, err
	}
	plan, err := r.planned(func(resolver *releases.Resolver) (*releases.Plan, error) {
		return resolver.ResolveRelease(ctx, line, r.world.date(), r.version.String(), aliased)
	})
	if err != nil {
		return nil, err
	}
	lister := git.NewLister(r.gitOptions())
	main := mainRepository(line)
	var problems []error
	for i := range plan.Repositories {
		p := &plan.Repositories[i]
		refs, err := lister.List(ctx, p.URL)
		if err == nil && p.Name == main {
			err = r.version.Above(append(tagsOf(refs, line.Versions.SkipTags), published...))
		}
		if err == nil && !r.flags.restart {
			err = r.begun(ctx, plan, p, refs)
		}
		var config *releases.ConfigError
		if err != nil && !errors.As(err, &config) {
			err = &releases.SourceError{Repository: p.Name, URL: p.URL, Err: err}
		}
		problems = append(problems, err)
	}
	return plan, errors.Join(problems...)
}

// mainRepository is the one that the editions are computed from: its tags are the
// releases.
func mainRepository(line *releases.Line) string {
	if len(line.Editions) > 0 {
		return line.Editions[0].Repository
	}
	return line.Repositories[0].Name
}

// tagsOf are the tags that can be releases.
func tagsOf(refs []releases.Ref, skip []string) []string {
	var tags []string
	for _, ref := range refs {
		tag, ok := strings.CutPrefix(ref.Name, "refs/tags/")
		skipped := slices.ContainsFunc(skip, func(pattern string) bool { match, _ := filepath.Match(pattern, tag); return match })
		if ok && !skipped {
			tags = append(tags, tag)
		}
	}
	return tags
}

// begun takes over what a run on another machine has begun: the day, and the commit
// that the release commit was made of.
func (r *releasing) begun(ctx context.Context, plan *releases.Plan, p *releases.PlannedRepository, refs []releases.Ref) error {
	i := slices.IndexFunc(refs, func(ref releases.Ref) bool { return ref.Name == "refs/heads/"+releaseBranch(r.version.String()) })
	if i < 0 {
		return nil
	}
	made, err := r.writer.Read(ctx, p.URL, refs[i].Commit)
	if err != nil {
		return err
	}
	if len(made.Parents) != 1 || made.Message != releaseMessage(r.version.String()) {
		return nil // whoever made it; that it differs will be said
	}
	p.Commit, plan.Date = made.Parents[0], made.By.When.Format(time.DateOnly)
	return nil
}

// published are the releases at the target, and the aliases that they have: a
// version cannot have two contents, so those are not written again.
func (r *releasing) published(ctx context.Context, line *releases.Line) (names, aliased []string, err error) {
	t, err := target.Open(ctx, r.flags.to, r.world.targets())
	if err != nil {
		return nil, nil, &pipeline.StageError{Stage: publish.Name, Err: err}
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	names, err = publish.Snapshots(ctx, t)
	if err != nil {
		return nil, nil, &pipeline.StageError{Stage: publish.Name, Err: err}
	}
	for _, name := range names {
		if line.Aliases == "" || name == r.version.String() {
			continue
		}
		m, _, err := publish.Read(t).Manifest(ctx, name)
		if err != nil {
			return nil, nil, &pipeline.StageError{Stage: publish.Name, Err: err}
		}
		for _, p := range m.Packages {
			if composer.Name(p.Name).Vendor() == line.Aliases {
				aliased = append(aliased, p.Name+" "+p.Version)
			}
		}
	}
	slices.Sort(aliased)
	return names, slices.Compact(aliased), nil
}
