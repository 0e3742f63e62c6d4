package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/checkout"
)

// Merge merges in the repositories of a plan what is to be merged there, and gives them the
// trees that come of it. One that has its tree, which the store has, is left; one whose tree
// comes out as another is a *config.Error. That they do not fit together is a
// *releases.SourceError.
func (r *Runner) Merge(ctx context.Context, plan *releases.Plan) error {
	var errs []error
	for i := range plan.Repositories {
		p := &plan.Repositories[i]
		if len(p.Merged) == 0 {
			continue
		}
		if p.Tree.Digest != "" {
			if _, err := r.Store.Files(ctx, p.Tree); err == nil {
				continue
			}
		}
		tree, err := r.merge(ctx, *p)
		if err == nil && p.Tree.Digest != "" && p.Tree != tree {
			err = config.Errorf("repository %s: the git of this machine merges to a tree with SHA-256 %s, and the plan has %s; take the git with which it was made, or make the plan anew", p.Name, tree.Digest, p.Tree.Digest)
		}
		p.Tree = tree
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// merge merges in one repository, and notes which files each merge changes.
func (r *Runner) merge(ctx context.Context, p releases.PlannedRepository) (tree pipeline.Tree, err error) {
	merger, err := git.NewMerger(ctx, r.GitProgram, r.Git)
	if err != nil {
		return tree, config.Errorf("%w; without it one pull request of a repository is built as GitHub merges it, with mageos-nightly nightly --with %s", err, p.Merged[0].Title)
	}
	var heads []git.Head
	for _, m := range p.Merged {
		heads = append(heads, git.Head{Title: m.Title, URL: m.URL, Commit: m.Commit})
	}
	made, err := merger.Merge(ctx, git.Base{Title: fmt.Sprintf("%s of %s at %.10s", releases.Ref{Name: p.Ref}.Short(), p.Name, p.Commit), URL: p.URL, Commit: p.Commit}, heads)
	if err != nil {
		return tree, &releases.SourceError{Repository: p.Name, URL: p.URL, Err: err}
	}
	defer func() { err = errors.Join(err, made.Close()) }()
	for i := range p.Merged {
		p.Merged[i].Files = made.Files[i]
	}
	pin := stages.Pin{Name: p.Name, URL: p.URL, Ref: p.Ref, Commit: p.Commit}
	base, err := pipeline.Run(ctx, r.SessionOf(nil), checkout.Stage(r.CheckoutOptions(r.Progress)), stages.Checkout{Pins: []stages.Pin{pin}})
	if err != nil {
		return tree, err
	}
	files, err := r.Trees.Files(ctx, base.Repositories[0].Head)
	if err != nil {
		return tree, err
	}
	if files, err = r.changed(ctx, files, made); err != nil {
		return tree, err
	}
	return r.Store.Save(ctx, files)
}

// changed are the files of a tree after a merge.
func (r *Runner) changed(ctx context.Context, files []pipeline.File, made *git.Merge) ([]pipeline.File, error) {
	other := map[string]bool{}
	for _, c := range made.Changes {
		other[c.Path] = true
	}
	files = slices.DeleteFunc(slices.Clone(files), func(f pipeline.File) bool { return other[f.Path] })
	for _, c := range made.Changes {
		if c.Mode == 0 {
			continue
		}
		content, err := made.Open(ctx, c)
		if err != nil {
			return nil, err
		}
		f := pipeline.File{Path: c.Path, Mode: pipeline.Mode(c.Mode)}
		if f.Digest, f.Size, err = r.Store.Add(ctx, content); err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}
