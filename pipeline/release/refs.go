package release

import (
	"context"
	"errors"
	"fmt"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/git"
)

// The steps that write to repositories; their failures leave a release that is not whole.
const (
	BranchesStep = "branches"
	TagsStep     = "tags"
	GitHubStep   = "github"
)

// unwritten makes sure that no branch and no tag of the release stands for something else.
// All that do are named together, before anything is written. moved are the release
// branches, by repository, that a restart moves, and where they are.
func (r *releasing) unwritten(ctx context.Context, plan *releases.Plan) (moved map[string]string, err error) {
	moved = map[string]string{}
	var unreachable, taken []error
	for _, p := range plan.Repositories {
		refs, err := r.lister.List(ctx, p.URL)
		if err != nil {
			unreachable = append(unreachable, &releases.SourceError{Repository: p.Name, URL: p.URL, Err: err})
			continue
		}
		at := map[string]string{}
		for _, ref := range refs {
			at[ref.Name] = ref.Commit
		}
		tag, branch := at["refs/tags/"+r.Version.String()], at["refs/heads/"+Branch(r.Version)]
		switch {
		case tag != "" && tag != p.Commit:
			taken = append(taken, fmt.Errorf("repository %s (%s): tag %s stands for %.12s, not for %.12s, the commit of this release; "+
				"a tag is not moved: choose another version", p.Name, p.URL, r.Version, tag, p.Commit))
		case branch == "" || branch == p.Commit:
		case r.Restart:
			moved[p.Name] = branch
		default:
			taken = append(taken, fmt.Errorf("repository %s (%s): branch %s is at %.12s, not at %.12s, the commit of this release; "+
				"go on with the plan that began it (--plan), or begin again with --restart", p.Name, p.URL, Branch(r.Version), branch, p.Commit))
		}
	}
	if err := errors.Join(append(unreachable, taken...)...); err != nil {
		return nil, pipeline.Do(ctx, r.Session(), BranchesStep, func(context.Context) (string, error) { return "", err })
	}
	return moved, nil
}

// pushBranches writes the release commits to their repositories.
func (r *releasing) pushBranches(ctx context.Context, plan *releases.Plan, commits []*git.Commit, moved map[string]string) error {
	return r.each(ctx, BranchesStep, plan, func(i int, p releases.PlannedRepository) error {
		return r.writer.PushBranch(ctx, commits[i], Branch(r.Version), moved[p.Name])
	})
}

// pushTags tags the release commits.
func (r *releasing) pushTags(ctx context.Context, plan *releases.Plan) error {
	by, err := identity(plan)
	if err != nil {
		return err
	}
	return r.each(ctx, TagsStep, plan, func(_ int, p releases.PlannedRepository) error {
		return r.writer.PushTag(ctx, p.URL, r.Version.String(), p.Commit, message(r.Version), by)
	})
}

// each writes to one repository after the other, and says so; it goes on after a failure,
// so that all problems are known.
func (r *releasing) each(ctx context.Context, step string, plan *releases.Plan, write func(int, releases.PlannedRepository) error) error {
	return pipeline.Do(ctx, r.Session(), step, func(ctx context.Context) (string, error) {
		total := len(plan.Repositories)
		var errs []error
		for i, p := range plan.Repositories {
			if ctx.Err() != nil {
				break
			}
			if err := write(i, p); err != nil {
				errs = append(errs, fmt.Errorf("repository %s: %w", p.Name, err))
				continue
			}
			r.Progress(pipeline.Step{Stage: step, Item: p.Name, Done: int64(i + 1), Total: int64(total), Unit: "repositories"})
			r.Log.Info("written", "stage", step, "repository", p.Name, "commit", p.Commit)
		}
		if err := errors.Join(append(errs, ctx.Err())...); err != nil {
			return "", fmt.Errorf("%w\n%d of %d repositories are written; the same command goes on", err, total-len(errs), total)
		}
		return fmt.Sprintf("%d repositories", total), nil
	})
}
