package ci

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/git"
)

// unwritten makes sure that no branch and no tag of the release stands for
// something else. All that do are named together, before anything is written.
func (r *releasing) unwritten(ctx context.Context) error {
	lister := git.NewLister(r.gitOptions())
	version := r.version.String()
	var problems []error
	for _, p := range r.plan.Repositories {
		refs, err := lister.List(ctx, p.URL)
		if err != nil {
			problems = append(problems, &releases.SourceError{Repository: p.Name, URL: p.URL, Err: err})
			continue
		}
		at := func(name string) string {
			if i := slices.IndexFunc(refs, func(ref releases.Ref) bool { return ref.Name == name }); i >= 0 {
				return refs[i].Commit
			}
			return ""
		}
		tag, branch := at("refs/tags/"+version), at("refs/heads/"+releaseBranch(version))
		switch {
		case tag != "" && tag != p.Commit:
			problems = append(problems, fmt.Errorf("repository %s (%s): tag %s stands for %.12s, not for %.12s, the commit of this release; "+
				"a tag is not moved: choose another version", p.Name, p.URL, version, tag, p.Commit))
		case branch == "" || branch == p.Commit:
		case r.flags.restart:
			r.moved[p.Name] = branch
		default:
			problems = append(problems, fmt.Errorf("repository %s (%s): branch %s is at %.12s, not at %.12s, the commit of this release; "+
				"go on with the plan that began it (--plan), or begin again with --restart", p.Name, p.URL, releaseBranch(version), branch, p.Commit))
		}
	}
	return r.refused("branches", errors.Join(problems...))
}

// refused reports a release that cannot be written.
func (r *releasing) refused(stage string, err error) error {
	var source *releases.SourceError
	if err == nil || errors.As(err, &source) {
		return err
	}
	err = &releaseError{fmt.Errorf("%s: %w", stage, err)}
	r.show.report(pipeline.Report{Stage: stage, State: pipeline.Failed, Err: err})
	return err
}

// pushBranches writes the release commits to their repositories.
func (r *releasing) pushBranches(ctx context.Context, commits []*git.Commit) error {
	return r.each(ctx, "branches", func(i int, p releases.PlannedRepository) error {
		return r.writer.PushBranch(ctx, commits[i], releaseBranch(r.version.String()), r.moved[p.Name])
	})
}

// pushTags tags the release commits.
func (r *releasing) pushTags(ctx context.Context) error {
	by, err := identity(r.plan)
	if err != nil {
		return err
	}
	version := r.version.String()
	return r.each(ctx, "tags", func(_ int, p releases.PlannedRepository) error {
		return r.writer.PushTag(ctx, p.URL, version, p.Commit, releaseMessage(version), by)
	})
}

// each writes to one repository after the other, and says so; it goes on after a
// failure, so that all problems are known.
func (r *releasing) each(ctx context.Context, stage string, write func(int, releases.PlannedRepository) error) error {
	r.show.report(pipeline.Report{Stage: stage, State: pipeline.Started})
	total := len(r.plan.Repositories)
	var errs []error
	for i, p := range r.plan.Repositories {
		if ctx.Err() != nil {
			break
		}
		if err := write(i, p); err != nil {
			errs = append(errs, fmt.Errorf("repository %s: %w", p.Name, err))
			continue
		}
		r.show.step(pipeline.Step{Stage: stage, Item: p.Name, Done: int64(i + 1), Total: int64(total), Unit: "repositories"})
		r.log.Info("written", "stage", stage, "repository", p.Name, "commit", p.Commit)
	}
	if err := errors.Join(append(errs, ctx.Err())...); err != nil {
		return r.refused(stage, fmt.Errorf("%w\n%d of %d repositories are written; the same command goes on", err, total-len(errs), total))
	}
	r.show.report(pipeline.Report{Stage: stage, State: pipeline.Done, Detail: fmt.Sprintf("%d repositories", total)})
	return nil
}
