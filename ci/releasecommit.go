package ci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/stages"
)

// Who makes release commits and tags if the line does not say: never who runs the
// command, so that the same release is the same commits.
const (
	releaserName  = "Mage-OS CI"
	releaserEmail = "info@mage-os.org"
)

func releaseMessage(version string) string { return "Release " + version + "\n" }

// identity is who releases, at the beginning of the plan's day.
func identity(plan *releases.Plan) (git.Identity, error) {
	day, err := time.Parse(time.DateOnly, plan.Date)
	by := releases.Committer{Name: releaserName, Email: releaserEmail}
	if plan.Line.Committer != nil {
		by = *plan.Line.Committer
	}
	return git.Identity{Name: by.Name, Email: by.Email, When: day}, err
}

// commitsAtOnce is how many repositories are read at the same time.
const commitsAtOnce = 4

// commits makes the release commit of each repository, and the plan that builds
// from them. Nothing is written yet. The sources are those of the commits.
func (r *releasing) commits(ctx context.Context, source *releases.Plan) ([]*git.Commit, stages.Sources, error) {
	sources, err := pipeline.Run(ctx, r.session, remote(r.chain, r.checkout(), checkoutNeeds), stages.CheckoutOf(source))
	if err != nil {
		return nil, sources, err
	}
	found, err := pipeline.Run(ctx, r.session, remote(r.chain, r.dependencies(), nil), stages.AnalysisOf(source, sources))
	if err != nil {
		return nil, sources, err
	}
	r.show.report(pipeline.Report{Stage: "commit", State: pipeline.Started})
	commits, sources, err := r.commitAll(ctx, source, sources, found)
	if err != nil {
		err = &pipeline.StageError{Stage: "commit", Err: err}
		r.show.report(pipeline.Report{Stage: "commit", State: pipeline.Failed, Err: err})
		return nil, sources, err
	}
	r.show.report(pipeline.Report{Stage: "commit", State: pipeline.Done, Detail: fmt.Sprintf("%d release commits", len(commits))})
	_, err = r.savePlan(r.plan)
	return commits, sources, err
}

func (r *releasing) commitAll(ctx context.Context, source *releases.Plan, sources stages.Sources, found stages.Dependencies) ([]*git.Commit, stages.Sources, error) {
	rewritten, err := r.builder().Rewritten(ctx, r.buildOf(source, sources, found))
	if err != nil {
		return nil, sources, err
	}
	by, err := identity(source)
	if err != nil {
		return nil, sources, err
	}
	files := map[string]map[string][]byte{}
	for _, f := range rewritten {
		if files[f.Repository] == nil {
			files[f.Repository] = map[string][]byte{}
		}
		files[f.Repository][f.Path] = f.Data
	}
	commits := make([]*git.Commit, len(source.Repositories))
	errs := make([]error, len(source.Repositories))
	group := errgroup.Group{}
	group.SetLimit(commitsAtOnce)
	for i, p := range source.Repositories {
		group.Go(func() error {
			commits[i], errs[i] = r.commitOne(ctx, p, files[p.Name], by)
			return nil
		})
	}
	_ = group.Wait() // all errors are in errs
	if err := errors.Join(errs...); err != nil {
		return nil, sources, err
	}
	r.plan = planOf(source, commits)
	sources, err = r.withFiles(ctx, sources, files)
	if err != nil {
		return nil, sources, err
	}
	return commits, sources, r.settled(ctx, sources)
}

func (r *releasing) commitOne(ctx context.Context, p releases.PlannedRepository, files map[string][]byte, by git.Identity) (*git.Commit, error) {
	refs, err := git.NewLister(r.gitOptions()).List(ctx, p.URL)
	if err != nil {
		return nil, &releases.SourceError{Repository: p.Name, URL: p.URL, Err: err}
	}
	var tips []string
	for _, ref := range refs {
		if ref.Name == p.Ref || ref.Name == "refs/heads/"+releaseBranch(r.version.String()) {
			tips = append(tips, ref.Commit)
		}
	}
	made, err := r.writer.Commit(ctx, git.Draft{
		URL: p.URL, Parent: p.Commit, Tips: tips, Files: files, Message: releaseMessage(r.version.String()), By: by,
	})
	if err != nil {
		return nil, &releases.SourceError{Repository: p.Name, URL: p.URL, Err: err}
	}
	return made, nil
}

// planOf is the plan that builds from release commits.
func planOf(source *releases.Plan, commits []*git.Commit) *releases.Plan {
	plan := *source
	plan.Repositories = make([]releases.PlannedRepository, len(source.Repositories))
	for i, p := range source.Repositories {
		p.Source, p.Commit, p.Ref = p.Commit, commits[i].ID, "refs/heads/"+releaseBranch(source.Release.Version)
		plan.Repositories[i] = p
	}
	return &plan
}

// withFiles are the sources with some files replaced: what a checkout of the release
// commits gives, before they are anywhere.
func (r *releasing) withFiles(ctx context.Context, sources stages.Sources, files map[string]map[string][]byte) (stages.Sources, error) {
	made := stages.Sources{Repositories: make([]stages.Source, len(sources.Repositories))}
	for i, s := range sources.Repositories {
		list, err := r.trees.Files(ctx, s.Head)
		if err != nil {
			return made, err
		}
		for j, f := range list {
			data, changed := files[s.Name][f.Path]
			if !changed {
				continue
			}
			if list[j].Digest, list[j].Size, err = r.trees.Add(ctx, bytes.NewReader(data)); err != nil {
				return made, err
			}
		}
		if s.Head, err = r.trees.Save(ctx, list); err != nil {
			return made, err
		}
		made.Repositories[i] = s
	}
	return made, nil
}

// settled makes sure that the release commits hold what is published: composing
// again from them changes nothing.
func (r *releasing) settled(ctx context.Context, sources stages.Sources) error {
	found, err := pipeline.Run(ctx, r.session, remote(r.chain, r.dependencies(), nil), stages.AnalysisOf(r.plan, sources))
	if err != nil {
		return err
	}
	again, err := r.builder().Rewritten(ctx, r.buildOf(r.plan, sources, found))
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range again {
		errs = append(errs, fmt.Errorf("%s:%s: what is released would not be what the release commit holds; look at the line's edits of that package", f.Repository, f.Path))
	}
	return errors.Join(errs...)
}
