package bisect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
)

var allStages = []string{"plan", "checkout", "dependencies", "build", "install", "publish"}

func id(repository string, n int) string {
	return fmt.Sprintf("%x%038d", repository[0]%16, n) + "0"
}

// A fakeHistory has so many commits of each repository; those of one that is missing are not known.
type fakeHistory map[string][]compare.Commit

func (h fakeHistory) Between(_ context.Context, url, _, _ string) ([]compare.Commit, error) {
	if commits, ok := h[url]; ok {
		return commits, nil
	}
	return nil, errors.New("the server is down")
}

// commits are the commits 1 to n of a repository, newest first: one an hour, at so many minutes.
// Each odd one was merged by the even one behind it.
func commits(repository string, n, minute int) []compare.Commit {
	var all []compare.Commit
	for i := n; i > 0; i-- {
		c := compare.Commit{ID: id(repository, i), Subject: fmt.Sprint(repository, " ", i), Parent: id(repository, i-1), At: time.Date(2026, 11, 20, i, minute, 0, 0, time.UTC)}
		if i%2 == 0 {
			c.Parent = id(repository, i-2)
		}
		all = append(all, c)
	}
	return all
}

// planAt is a plan of the repositories one and two, and lost, at so many commits.
func planAt(day string, one, two, lost int) *releases.Plan {
	p := &releases.Plan{Format: releases.PlanFormat, Program: day, Date: day, Line: releases.Line{Name: "sample"}}
	for name, at := range map[string]int{"one": one, "two": two, "lost": lost} {
		p.Repositories = append(p.Repositories, releases.PlannedRepository{Name: name, URL: name, Ref: "refs/heads/main", Commit: id(name, at)})
	}
	slices.SortFunc(p.Repositories, func(a, b releases.PlannedRepository) int { return strings.Compare(a.Name, b.Name) })
	return p
}

func search(t *testing.T, good, bad *releases.Plan) *Search {
	t.Helper()
	s, err := New(t.Context(), good, bad, fakeHistory{"one": commits("one", 6, 0), "two": commits("two", 4, 30)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func titles(steps []Step) (all []string) {
	for _, s := range steps {
		title := s.Repository + " " + strings.TrimLeft(s.Commit.ID[1:39], "0")
		if s.Unknown != "" {
			title += "?"
		}
		all = append(all, title)
	}
	return all
}

// The commits of all repositories are one way, by their times; merges are one step each.
func TestSteps(t *testing.T) {
	s := search(t, planAt("2026-11-20", 0, 0, 0), planAt("2026-11-24", 6, 4, 3))
	want := []string{"lost 3?", "one 2", "two 2", "one 4", "two 4", "one 6"}
	if diff := cmp.Diff(want, titles(s.Steps)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(planAt("2026-11-24", 4, 2, 3), s.Plan(4)); diff != "" {
		t.Errorf("the plan behind four steps (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(planAt("2026-11-24", 0, 0, 0), s.Plan(0)); diff != "" {
		t.Errorf("the good plan has the versions of the bad one's day (-want +got):\n%s", diff)
	}
	bad := planAt("2026-11-24", 6, 4, 3)
	bad.Repositories[0].Tag, bad.Repositories[0].TagCommit = "1.0.0", id("x", 1)
	s = search(t, planAt("2026-11-20", 0, 0, 0), bad)
	if len(s.Steps) != 7 || s.Steps[0].Repository != "" || s.Plan(1).Repositories[0].Tag != "1.0.0" || s.Plan(1).Repositories[0].Commit != id("lost", 0) {
		t.Errorf("what is no commit has to be the first step: %v", titles(s.Steps))
	}
}

// whichever commit it is, it is found; a plan that fails before is left out.
func TestEveryCulprit(t *testing.T) {
	good, bad := planAt("2026-11-20", 0, 0, 0), planAt("2026-11-24", 6, 4, 3)
	for culprit := 1; culprit <= 6; culprit++ {
		for broken := -1; broken < 6; broken++ { // one that does not build
			s := search(t, good, bad)
			tries := 0
			err := s.Run(t.Context(), allStages, func(_ context.Context, at int, until string) (Outcome, error) {
				tries++
				switch {
				case tries > 1 && until != "install":
					return Outcome{}, fmt.Errorf("goes on to %q behind the stage that fails", until)
				case at == broken && at > 0:
					return Outcome{Stage: "build", Reason: "broken"}, nil
				case at >= culprit:
					return Outcome{Stage: "install", Reason: "a problem"}, nil
				}
				return Outcome{}, nil
			}, func(Trial) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			want := titles(s.Steps[culprit-1 : culprit])
			if broken > 0 && broken == culprit {
				want = titles(s.Steps[culprit-1 : culprit+1])
			} else if broken > 0 && broken == culprit-1 {
				want = titles(s.Steps[culprit-2 : culprit])
			}
			if diff := cmp.Diff(want, titles(s.Suspects())); diff != "" {
				t.Errorf("culprit %d, broken %d (-want +got):\n%s", culprit, broken, diff)
			}
			if tries > 6 {
				t.Errorf("culprit %d, broken %d: %d tries", culprit, broken, tries)
			}
		}
	}
}

// An end that is not what it was given as ends the search; what was tried counts again.
func TestEnds(t *testing.T) {
	good, bad := planAt("2026-11-20", 0, 0, 0), planAt("2026-11-24", 6, 4, 3)
	for failed, want := range map[string]string{"": "the bad plan is good here", "install": "the good plan fails in install here, too: a problem."} {
		s := search(t, good, bad)
		err := s.Run(t.Context(), allStages, func(context.Context, int, string) (Outcome, error) {
			return Outcome{Stage: failed, Reason: "a problem\nmore"}, nil
		}, func(Trial) error { return nil })
		var end *EndError
		if !errors.As(err, &end) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if slices.Contains(s.Trials, end.Trial) {
			t.Errorf("%+v is kept: what was at fault could not be mended", end.Trial)
		}
	}
	s := search(t, good, bad)
	stop := errors.New("stopped")
	prove := func(_ context.Context, steps int, _ string) (Outcome, error) {
		if s.Plan(steps).Repositories[1].Commit == id("one", 6) {
			return Outcome{Stage: "install", Reason: "a problem"}, nil
		}
		if len(s.Trials) == 2 {
			return Outcome{}, stop
		}
		return Outcome{}, nil
	}
	if err := s.Run(t.Context(), allStages, prove, func(Trial) error { return nil }); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	again := search(t, good, bad)
	again.Trials = s.Trials
	if steps, done := again.Next(); done || steps != 3 {
		t.Errorf("goes on at %d, %v; want the middle", steps, done)
	}
}

// Releases of others are given free one by one, until the one is found with which the good plan fails now.
func TestReleases(t *testing.T) {
	before := map[string]string{"a/a": "1.0", "b/b": "1.0", "c/c": "1.0", "same/same": "1.0"}
	after := map[string]string{"a/a": "1.1", "b/b": "1.1", "d/d": "1.0", "same/same": "1.0"}
	s := NewReleases(planAt("2026-11-20", 0, 0, 0), before, after)
	err := s.Run(t.Context(), allStages, func(_ context.Context, steps int, _ string) (Outcome, error) {
		if _, held := s.Hold(steps)["b/b"]; held {
			return Outcome{}, nil
		}
		return Outcome{Stage: "install", Reason: "b is broken"}, nil
	}, func(Trial) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if text := string(s.Report("2026-11-20").Text()); !strings.Contains(text, "  b/b 1.0 → 1.1, a release of somebody else's\n") {
		t.Error(text)
	}
	if diff := cmp.Diff(map[string]string{"b/b": "1.0", "c/c": "1.0", "same/same": "1.0"}, s.Hold(1)); diff != "" {
		t.Errorf("behind one step (-want +got):\n%s", diff)
	}
}

// An end that a command skips, or that fails before it, ends the search; one between is left out.
func TestSkips(t *testing.T) {
	good, bad := planAt("2026-11-20", 0, 0, 0), planAt("2026-11-24", 6, 4, 3)
	s := search(t, good, bad)
	err := s.Run(t.Context(), allStages, func(context.Context, int, string) (Outcome, error) {
		return Outcome{Stage: "build", Reason: "broken", Skip: true}, nil
	}, func(Trial) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "cannot be judged: it fails in build before: broken") {
		t.Error(err)
	}
	err = s.Run(t.Context(), allStages, func(_ context.Context, steps int, _ string) (Outcome, error) {
		return map[int]Outcome{6: {Stage: "install"}, 3: {Stage: "install", Skip: true}, 4: {Stage: "install"}}[steps], nil
	}, func(Trial) error { return nil })
	if diff := cmp.Diff([]string{"two 2", "one 4"}, titles(s.Suspects())); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestNothingToBisect(t *testing.T) {
	same := planAt("2026-11-20", 1, 1, 1)
	if _, err := New(t.Context(), same, planAt("2026-11-24", 1, 1, 1), fakeHistory{}); err == nil {
		t.Error("two equal plans: want an error")
	}
	local := planAt("2026-11-24", 2, 1, 1)
	local.Repositories[0].Tree.Digest = "x"
	if _, err := New(t.Context(), same, local, fakeHistory{}); err == nil || !strings.Contains(err.Error(), "commit them") {
		t.Errorf("files in no commit: %v", err)
	}
}

func TestReport(t *testing.T) {
	s := search(t, planAt("2026-11-20", 0, 0, 0), planAt("2026-11-24", 6, 4, 3))
	s.Steps[3].URL = "https://github.com/acme/one.git"
	s.Steps[3].Commit.PullRequests = []compare.PullRequest{{Number: "12", URL: "https://github.com/acme/one/pull/12"}}
	s.Trials = []Trial{
		{6, Bad, Outcome{Stage: "install", Reason: "a problem\nof one"}}, {0, Good, Outcome{}}, {3, Good, Outcome{Report: "good.md"}}, {4, Bad, Outcome{Stage: "install", Reason: "the \x1b[2Jproblem\nof one", Report: "bad.md"}},
	}
	r := s.Report("2026-11-20")
	text, page := string(r.Text()), string(r.Markdown())
	for _, want := range []string{"The culprit of 6 steps between 2026-11-20 and 2026-11-24 of sample, 4 plans tried", "one f000000000 one 4", "pull/12", "install fails:\n  the ?[2Jproblem\n  of one", "Report without it: good.md\nReport with it: bad.md"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	for _, want := range []string{"## The culprit", "| one | [", "[#12](https://github.com/acme/one/pull/12)", "    the ?[2Jproblem\n    of one\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if data, err := r.JSON(); err != nil || !strings.Contains(string(data), `"suspects"`) {
		t.Errorf("%s, %v", data, err)
	}
}
