package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/nightly"
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

func message(version releases.ReleaseVersion) string { return "Release " + version.String() + "\n" }

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

// commit makes the release commit of each repository, and the plan that builds from them.
// Nothing is written to the repositories yet. The sources are those of the commits.
func (r *releasing) commit(ctx context.Context, source *releases.Plan) (plan *releases.Plan, commits []*git.Commit, sources stages.Sources, err error) {
	checkedOut, err := pipeline.Run(ctx, r.Session(), r.Checkout(), stages.CheckoutOf(source))
	if err != nil {
		return nil, nil, sources, err
	}
	found, err := pipeline.Run(ctx, r.Session(), r.Dependencies(), stages.AnalysisOf(source, checkedOut))
	if err != nil {
		return nil, nil, sources, err
	}
	err = pipeline.Do(ctx, r.Session(), "commit", func(ctx context.Context) (string, error) {
		files, err := r.rewritten(ctx, source, checkedOut, found)
		if err != nil {
			return "", err
		}
		if commits, err = r.commitAll(ctx, source, files); err != nil {
			return "", err
		}
		plan = planOf(source, commits)
		if sources, err = r.withFiles(ctx, checkedOut, files); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d release commits", len(commits)), r.settled(ctx, plan, sources)
	})
	if err != nil {
		return nil, nil, sources, err
	}
	_, err = nightly.KeepPlan(r.Dir, plan)
	return plan, commits, sources, err
}

// rewritten are the composer.json files as they will be published, by repository and path.
func (r *releasing) rewritten(ctx context.Context, plan *releases.Plan, sources stages.Sources, found stages.Dependencies) (map[string]map[string][]byte, error) {
	list, err := r.BuildOptions(r.Progress).Rewritten(ctx, nightly.BuildOf(r.Runner, plan, sources, found))
	files := map[string]map[string][]byte{}
	for _, f := range list {
		if files[f.Repository] == nil {
			files[f.Repository] = map[string][]byte{}
		}
		files[f.Repository][f.Path] = f.Data
	}
	return files, err
}

func (r *releasing) commitAll(ctx context.Context, source *releases.Plan, files map[string]map[string][]byte) ([]*git.Commit, error) {
	by, err := identity(source)
	if err != nil {
		return nil, err
	}
	commits := make([]*git.Commit, len(source.Repositories))
	err = pipeline.Each(len(commits), commitsAtOnce, func(i int) (err error) {
		p := source.Repositories[i]
		commits[i], err = r.commitOne(ctx, p, files[p.Name], by)
		return err
	})
	return commits, err
}

func (r *releasing) commitOne(ctx context.Context, p releases.PlannedRepository, files map[string][]byte, by git.Identity) (*git.Commit, error) {
	refs, err := r.lister.List(ctx, p.URL)
	if err != nil {
		return nil, &releases.SourceError{Repository: p.Name, URL: p.URL, Err: err}
	}
	var tips []string
	for _, ref := range refs {
		if ref.Name == p.Ref || ref.Name == "refs/heads/"+Branch(r.Version) {
			tips = append(tips, ref.Commit)
		}
	}
	made, err := r.writer.Commit(ctx, git.Draft{
		URL: p.URL, Parent: p.Commit, Tips: tips, Files: files, Message: message(r.Version), By: by,
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
		p.Source, p.Commit, p.Ref = p.Commit, commits[i].ID, "refs/heads/release/"+source.Release.Version
		plan.Repositories[i] = p
	}
	return &plan
}

// withFiles are the sources with some files replaced: what a checkout of the release
// commits gives, before they are anywhere.
func (r *releasing) withFiles(ctx context.Context, sources stages.Sources, files map[string]map[string][]byte) (stages.Sources, error) {
	made := stages.Sources{Repositories: make([]stages.Source, len(sources.Repositories))}
	for i, s := range sources.Repositories {
		list, err := r.Trees.Files(ctx, s.Head)
		if err != nil {
			return made, err
		}
		for j, f := range list {
			data, changed := files[s.Name][f.Path]
			if !changed {
				continue
			}
			if list[j].Digest, list[j].Size, err = r.Trees.Add(ctx, bytes.NewReader(data)); err != nil {
				return made, err
			}
		}
		if s.Head, err = r.Trees.Save(ctx, list); err != nil {
			return made, err
		}
		made.Repositories[i] = s
	}
	return made, nil
}

// settled makes sure that the release commits hold what is published: composing again from
// them changes nothing.
func (r *releasing) settled(ctx context.Context, plan *releases.Plan, sources stages.Sources) error {
	found, err := pipeline.Run(ctx, r.Session(), r.Dependencies(), stages.AnalysisOf(plan, sources))
	if err != nil {
		return err
	}
	again, err := r.rewritten(ctx, plan, sources, found)
	if err != nil {
		return err
	}
	var errs []error
	for _, repository := range slices.Sorted(maps.Keys(again)) {
		for _, path := range slices.Sorted(maps.Keys(again[repository])) {
			errs = append(errs, fmt.Errorf("%s:%s: what is released would not be what the release commit holds; look at the line's edits of that package", repository, path))
		}
	}
	return errors.Join(errs...)
}
