package nightly

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/lines"
)

// PreviewLine makes a line that of previews, which has nothing of the line's own repository: not
// its name, its URL, its signatures, nor its nights. An empty URL is one below the line's.
func PreviewLine(l *releases.Line, url string) {
	const suffix = "-preview"
	if !strings.HasSuffix(l.Name, suffix) { // else it is one already
		l.Name, l.Title, l.URL = l.Name+suffix, l.Title+", preview", l.URL+"preview/"
	}
	l.URL, l.Trust, l.FormerDists, l.Keep, l.KeepAdopted = cmp.Or(url, l.URL), "", "", 1, 0
}

// Preview is the plan of a preview until a UTC day: pull requests merged upon a plan of a
// PreviewLine, in the order in which they are given.
func Preview(ctx context.Context, r *runner.Runner, night *releases.Plan, pulls []lines.Pull, until string) (plan *releases.Plan, err error) {
	err = pipeline.Do(ctx, r.Session(), "merge", func(ctx context.Context) (string, error) {
		if plan, err = previewOf(ctx, r, night, pulls, until); err != nil {
			return "", err
		}
		return plan.PreviewTitle(), r.Merge(ctx, plan)
	})
	if err != nil {
		return nil, err
	}
	return plan, plan.Validate()
}

func previewOf(ctx context.Context, r *runner.Runner, night *releases.Plan, pulls []lines.Pull, until string) (*releases.Plan, error) {
	plan := *night
	plan.Number, plan.Repositories = 0, slices.Clone(night.Repositories)
	var errs []error
	for _, pull := range pulls {
		i := slices.IndexFunc(plan.Repositories, func(p releases.PlannedRepository) bool { return p.Name == pull.Repository })
		m, err := head(ctx, r, pull)
		if err != nil {
			errs = append(errs, &releases.SourceError{Repository: pull.Repository, URL: pull.URL, Err: err})
			continue
		}
		p := &plan.Repositories[i]
		if p.Tree.Digest != "" && len(p.Merged) == 0 {
			errs = append(errs, config.Errorf("%s: the plan builds %s as it lay in a folder; merge it there, or make the plan without --with", pull.Title, p.Name))
		}
		if slices.ContainsFunc(p.Merged, func(other releases.Merged) bool { return other.URL == m.URL && other.Ref == m.Ref }) {
			errs = append(errs, config.Errorf("%s is merged twice; give it once", m.Title))
		}
		p.Merged, p.Tree = append(slices.Clone(p.Merged), m), pipeline.Tree{}
	}
	plan.Preview = &releases.PlannedPreview{Label: label(plan.Merged()), Until: until}
	return &plan, errors.Join(errs...)
}

// head finds the commit of a pull request, which has to be the one that was asked for: who
// pushes after that gets nothing built.
func head(ctx context.Context, r *runner.Runner, pull lines.Pull) (releases.Merged, error) {
	m := pull.Merged
	refs, err := r.Sources().Lister.List(ctx, m.URL)
	if err != nil {
		return m, err
	}
	i := slices.IndexFunc(refs, func(ref releases.Ref) bool { return ref.Name == m.Ref })
	switch {
	case i < 0:
		return m, fmt.Errorf("%s: there is no %s; look whether the pull request, or the branch, is there", m.Title, m.Ref)
	case !strings.HasPrefix(refs[i].Commit, m.Commit):
		return m, fmt.Errorf("%s: its head is %.10s now, and %.10s was asked for; look at what was pushed since, and ask again", m.Title, refs[i].Commit, m.Commit)
	}
	m.Commit, m.Files = refs[i].Commit, []string{}
	return m, nil
}

var noWord = regexp.MustCompile(`[^a-z0-9]+`)

// maxLabel is how long a label may be: it stands in the name of every dist.
const maxLabel = 48

// label names what is merged, in versions.
func label(merged []releases.Merged) string {
	var words []string
	for _, m := range merged {
		word := path.Base(strings.TrimPrefix(m.Ref, "refs/heads/"))
		if pull, ok := strings.CutPrefix(m.Ref, "refs/pull/"); ok {
			word = "pr" + path.Dir(pull)
		}
		words = append(words, strings.Trim(noWord.ReplaceAllString(strings.ToLower(word), "-"), "-"))
	}
	text := strings.Trim(strings.Join(words, "-"), "-")
	if text == "" {
		text = "branch"
	}
	return strings.Trim(text[:min(len(text), maxLabel)], "-")
}
