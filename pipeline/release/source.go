package release

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
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/resolve"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

// Fits reports why a plan is not one that release commits can be made of; what says where
// it is from, and upstream may be empty.
func Fits(plan *releases.Plan, version releases.ReleaseVersion, upstream, what string) error {
	has := ""
	if plan.Line.Upstream != nil {
		has = plan.Line.Upstream.Version
	}
	var err error
	switch {
	case plan.Release == nil || plan.Release.Version != version.String():
		err = fmt.Errorf("%s is of %s, not of release %s", what, plan.Snapshot(), version)
	case upstream != "" && has != upstream:
		err = fmt.Errorf("%s stands for upstream %s, not for %s; give that, or begin again with --restart", what, has, upstream)
	case slices.ContainsFunc(plan.Repositories, func(p releases.PlannedRepository) bool { return p.Source != "" }):
		err = fmt.Errorf("%s is built from release commits already; give the plan that they were made of, %s-%s-source.json", what, plan.Line.Name, version)
	default:
		return nil
	}
	return &config.Error{Err: err}
}

// sourcePlan is the plan of the commits that the release commits are made of. A release
// that was begun goes on with its own: the saved one, or, on another machine, what the
// release branches tell.
func (r *releasing) sourcePlan(ctx context.Context) (*releases.Plan, error) {
	if r.Source != nil {
		return r.Source, nil
	}
	file := filepath.Join(r.Dir, "plans", r.Line.Name+"-"+r.Version.String()+"-source.json")
	if _, err := os.Stat(file); err == nil && !r.Restart {
		plan, err := nightly.ReadPlan(file)
		if err != nil {
			return nil, err
		}
		if !sameLine(r.Line, &plan.Line) {
			return nil, &config.Error{Err: fmt.Errorf("the release that was begun here (%s) is of another line, or of another --upstream or --ref; "+
				"give those, or --plan with that file, or begin again with --restart", file)}
		}
		return plan, nil
	}
	plan, err := r.resolve(ctx)
	if err != nil || r.DryRun {
		return plan, err
	}
	return plan, nightly.WritePlan(file, plan)
}

func sameLine(a, b *releases.Line) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

// resolve makes a new plan, and goes on with what release branches are there.
func (r *releasing) resolve(ctx context.Context) (*releases.Plan, error) {
	published, aliased, err := r.published(ctx)
	if err != nil {
		return nil, err
	}
	plan, err := r.Plan(ctx, func(ctx context.Context, o resolve.Options) (*releases.Plan, error) {
		return resolve.Release(ctx, o, r.Line, r.Date, r.Version.String(), aliased)
	})
	if err != nil {
		return nil, err
	}
	main := mainRepository(r.Line)
	var problems []error
	for i := range plan.Repositories {
		p := &plan.Repositories[i]
		refs, err := r.lister.List(ctx, p.URL)
		if err == nil && p.Name == main {
			err = r.Version.Above(append(tagsOf(refs, r.Line.Versions.SkipTags), published...))
		}
		if err == nil && !r.Restart {
			err = r.begun(ctx, plan, p, refs)
		}
		var config *config.Error
		if err != nil && !errors.As(err, &config) {
			err = &releases.SourceError{Repository: p.Name, URL: p.URL, Err: err}
		}
		problems = append(problems, err)
	}
	return plan, errors.Join(problems...)
}

// mainRepository is the one that the editions are computed from: its tags are the releases.
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

// begun takes over what a run on another machine has begun: the day, and the commit that
// the release commit was made of.
func (r *releasing) begun(ctx context.Context, plan *releases.Plan, p *releases.PlannedRepository, refs []releases.Ref) error {
	i := slices.IndexFunc(refs, func(ref releases.Ref) bool { return ref.Name == "refs/heads/"+Branch(r.Version) })
	if i < 0 {
		return nil
	}
	made, err := r.writer.Read(ctx, p.URL, refs[i].Commit)
	if err != nil {
		return err
	}
	if len(made.Parents) != 1 || made.Message != message(r.Version) {
		return nil // whoever made it; that it differs will be said
	}
	p.Commit, plan.Date = made.Parents[0], made.By.When.Format(time.DateOnly)
	return nil
}

// published are the releases at the target, and the aliases that they have: a version
// cannot have two contents, so those are not written again.
func (r *releasing) published(ctx context.Context) (names, aliased []string, err error) {
	err = target.With(ctx, r.To, r.Night.Publish.Publisher.Target, func(t target.Target) error {
		there, err := publish.Snapshots(ctx, t)
		for _, name := range there {
			names = append(names, string(name))
			if r.Line.Aliases == "" || name == r.name() {
				continue
			}
			m, _, err := publish.Read(t).Manifest(ctx, name)
			if err != nil {
				return err
			}
			for _, p := range m.Packages {
				if composer.Name(p.Name).Vendor() == r.Line.Aliases {
					aliased = append(aliased, p.Name+" "+p.Version)
				}
			}
		}
		return err
	})
	if err != nil {
		return nil, nil, &pipeline.StageError{Stage: publish.Name, Err: err}
	}
	slices.Sort(aliased)
	return names, slices.Compact(aliased), nil
}

// name is the release's name as a snapshot.
func (r *releasing) name() releases.SnapshotName { return releases.SnapshotName(r.Version.String()) }
