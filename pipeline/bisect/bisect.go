// Package bisect finds the commit with which a line turned red: between the plan of a good night
// and that of a bad one it tries plans in between, until one step is left.
package bisect

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/releases/config"
)

// A Step is what one plan in between has that the one before it has not: a commit of a
// repository, a merge as a whole; a release of somebody else's package; or, without both, all of
// the later plan that is no commit.
type Step struct {
	Repository string         `json:"repository"`
	Package    *Release       `json:"package,omitempty"`
	URL        string         `json:"url"`
	Commit     compare.Commit `json:"commit"`
	Unknown    string         `json:"unknown,omitempty"` // why commits before this one are not tried by themselves
}

// A Release is a package of others in another version; a version is empty where it is not installed.
type Release struct {
	Name   string `json:"name"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// A Verdict is what became of a plan that was tried.
type Verdict string

// The verdicts. A plan that fails in an earlier stage than the bad one, or before it could be judged, says nothing of it.
const (
	Good    Verdict = "good"
	Bad     Verdict = "bad"
	Skipped Verdict = "skipped"
)

// A Trial is one plan that was tried: that behind so many of the steps.
type Trial struct {
	Steps   int     `json:"steps"`
	Verdict Verdict `json:"verdict"`
	Outcome
}

// An Outcome is what came of a plan.
type Outcome struct {
	Stage  string `json:"stage,omitempty"`  // that failed, with the level of an installation
	Reason string `json:"reason,omitempty"` // what that stage said
	Skip   bool   `json:"-"`                // it cannot be told whether the plan is good
	Report string `json:"report,omitempty"` // file about its installation
}

// A Search is a way from a good plan to a bad one.
type Search struct {
	Good, Bad *releases.Plan
	Steps     []Step  // in the order in which they were committed
	Trials    []Trial // so far

	held  map[string]string // versions of all packages of others that the good plan had, where releases are the steps
	frame *releases.Plan    // the bad plan with the commits of the good one
}

// New finds the steps between two plans of nights. Where the history of a repository is not known
// all its commits are one step.
func New(ctx context.Context, good, bad *releases.Plan, history compare.History) (*Search, error) {
	for _, p := range []*releases.Plan{good, bad} {
		switch {
		case p.Line.BuildsTags() || p.Line.IsRelease():
			return nil, config.Errorf("line %s makes no nights: there is nothing to bisect", p.Line.Name)
		case p.WorkTree():
			return nil, config.Errorf("the plan of %s has files that are in no commit (--with FOLDER): commit them and make it anew", p.Line.Name)
		}
	}
	s := &Search{Good: withDay(good, bad), Bad: bad, frame: clone(bad)}
	for i, r := range s.frame.Repositories {
		if was, ok := good.Repository(r.Name); ok {
			s.frame.Repositories[i].Commit = was.Commit
		}
	}
	same, err := equal(s.Good, s.frame)
	if err != nil {
		return nil, err
	}
	if !same {
		s.Steps = append(s.Steps, Step{})
	}
	changed, err := compare.Repositories(ctx, s.frame.Repositories, bad.Repositories, history)
	if err != nil {
		return nil, err
	}
	var ways [][]Step
	for _, r := range changed {
		ways = append(ways, way(r))
	}
	s.Steps = append(s.Steps, merged(ways)...)
	if len(s.Steps) == 0 {
		return nil, config.Errorf("both plans are the same: if one is good and the other is not, what differs is the machine, or what other people released meanwhile")
	}
	return s, nil
}

// way are the steps of a repository, the oldest first: the commits of its branch, each with all
// that it merged.
func way(r compare.ChangedRepository) []Step {
	known := map[string]compare.Commit{}
	for _, c := range r.Commits {
		known[c.ID] = c
	}
	var steps []Step
	for c, ok := known[r.After]; ok; c, ok = known[c.Parent] {
		steps = append(steps, Step{Repository: r.Name, URL: r.URL, Commit: c})
		delete(known, c.ID)
	}
	if len(steps) == 0 {
		return []Step{{Repository: r.Name, URL: r.URL, Commit: compare.Commit{ID: r.After}, Unknown: r.Unknown}}
	}
	slices.Reverse(steps)
	return steps
}

// merged is one way of many, each in its own order, by the time of the commits. A clock that
// goes back does not change the order of a repository.
func merged(ways [][]Step) []Step {
	type timed struct {
		Step
		at time.Time
	}
	var all []timed
	for _, steps := range ways {
		var latest time.Time
		for _, s := range steps {
			if s.Commit.At.After(latest) {
				latest = s.Commit.At
			}
			all = append(all, timed{s, latest})
		}
	}
	slices.SortStableFunc(all, func(a, b timed) int { return a.at.Compare(b.at) })
	steps := make([]Step, len(all))
	for i, t := range all {
		steps[i] = t.Step
	}
	return steps
}

// Plan is the plan behind so many steps.
func (s *Search) Plan(steps int) *releases.Plan {
	if steps == 0 || s.held != nil {
		return s.Good
	}
	plan := clone(s.frame)
	for _, step := range s.Steps[:steps] {
		for i, r := range plan.Repositories {
			if r.Name == step.Repository {
				plan.Repositories[i].Commit = step.Commit.ID
			}
		}
	}
	return plan
}

// NewReleases finds the steps between what Composer once installed of others with a good plan, and what it installs with
// the same plan now, where that fails. There may be none.
func NewReleases(good *releases.Plan, before, after map[string]string) *Search {
	s := &Search{Good: good, Bad: good, frame: good, held: before}
	both := maps.Clone(before)
	maps.Copy(both, after)
	for _, name := range slices.Sorted(maps.Keys(both)) {
		if before[name] != after[name] {
			s.Steps = append(s.Steps, Step{Package: &Release{name, before[name], after[name]}})
		}
	}
	return s
}

// Hold are the versions in which packages of others are installed behind so many steps: before the last one all that the
// good plan had, but for those that a step gave free.
func (s *Search) Hold(steps int) map[string]string {
	if s.held == nil || steps == len(s.Steps) {
		return nil
	}
	hold := maps.Clone(s.held)
	for _, step := range s.Steps[:steps] {
		delete(hold, step.Package.Name)
	}
	return hold
}

// Next is the plan to try next, as a number of steps; done says that there is none.
func (s *Search) Next() (steps int, done bool) {
	good, bad := s.bounds()
	verdicts := s.verdicts()
	for _, end := range []int{len(s.Steps), 0} { // the ends first: all else builds on them
		if _, tried := verdicts[end]; !tried {
			return end, false
		}
	}
	best, middle := -1, (good+bad)/2
	for i := good + 1; i < bad; i++ {
		if _, tried := verdicts[i]; !tried && (best < 0 || distance(i, middle) < distance(best, middle)) {
			best = i
		}
	}
	return best, best < 0
}

func distance(a, b int) int { return max(a-b, b-a) }

func (s *Search) verdicts() map[int]Verdict {
	verdicts := map[int]Verdict{}
	for _, t := range s.Trials {
		verdicts[t.Steps] = t.Verdict
	}
	return verdicts
}

// bounds are the last plan that is good, and the first behind it that is bad.
func (s *Search) bounds() (good, bad int) {
	bad = len(s.Steps)
	for _, t := range s.Trials {
		if t.Verdict == Bad {
			bad = min(bad, t.Steps)
		}
	}
	for _, t := range s.Trials {
		if t.Verdict == Good && t.Steps < bad {
			good = max(good, t.Steps)
		}
	}
	return good, bad
}

// Suspects are the steps of which one is to blame; one, where no plan between had to be skipped.
func (s *Search) Suspects() []Step {
	good, bad := s.bounds()
	return s.Steps[good:bad]
}

// A Prover builds and proves what is behind so many steps, up to a stage; empty: as far as was asked for. The error is one
// of the machine or the sources, which says nothing of the plan.
type Prover func(ctx context.Context, steps int, until string) (Outcome, error)

// Run tries plans until one step is left. stages are those of a run in their order; told hears of
// each trial when it begins, without a verdict, and when it has ended, and keeps the search. A
// trial that ends it with an *EndError is not kept: what was at fault may be mended.
func (s *Search) Run(ctx context.Context, stages []string, prove Prover, told func(Trial) error) error {
	for {
		steps, done := s.Next()
		if done {
			return nil
		}
		if err := told(Trial{Steps: steps}); err != nil {
			return err
		}
		stage := s.stage()
		outcome, err := prove(ctx, steps, stage)
		if err != nil {
			return err
		}
		t := Trial{Steps: steps, Verdict: Good, Outcome: outcome}
		switch at := slices.Index(stages, t.Stage); {
		case t.Skip || t.Stage != "" && at < slices.Index(stages, stage):
			t.Verdict = Skipped
		case t.Stage != "":
			t.Verdict = Bad
		}
		if steps == len(s.Steps) && t.Verdict != Bad || steps == 0 && t.Verdict != Good {
			return &EndError{t}
		}
		s.Trials = append(s.Trials, t)
		if err := told(t); err != nil {
			return err
		}
	}
}

// stage is the one in which the bad plan failed; empty: it was not tried yet.
func (s *Search) stage() string {
	for _, t := range s.Trials {
		if t.Steps == len(s.Steps) {
			return t.Stage
		}
	}
	return ""
}

// An EndError says that a plan is not what it was given as: then no commit between is to blame.
type EndError struct{ Trial Trial }

func (e *EndError) Error() string {
	reason, _, _ := strings.Cut(e.Trial.Reason, "\n")
	switch {
	case e.Trial.Skip:
		return fmt.Sprintf("one end cannot be judged: it fails in %s before: %s", cmp.Or(e.Trial.Stage, "the command, which skips it"), reason)
	case e.Trial.Verdict == Good:
		return "the bad plan is good here, today: what made it red was no commit, but the machine, a service, or a package that others have released anew since. Give the cell and the level that were red with --cell and --level"
	}
	return fmt.Sprintf("the good plan fails in %s here, too: %s. What made the line red is no commit between the two, but the machine, or a package that others have released since; give an older night as --good if it is", e.Trial.Stage, reason)
}

// withDay is a plan on another's day, so that both give their packages the same versions and what
// did not change is not built again.
func withDay(p, of *releases.Plan) *releases.Plan {
	c := clone(p)
	c.Date, c.Number, c.Program = of.Date, of.Number, of.Program
	return c
}

func clone(p *releases.Plan) *releases.Plan {
	c := *p
	c.Repositories = slices.Clone(p.Repositories)
	return &c
}

func equal(a, b *releases.Plan) (bool, error) {
	one, errA := a.Encode()
	other, errB := b.Encode()
	return bytes.Equal(one, other), errors.Join(errA, errB)
}
