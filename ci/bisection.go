package ci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/bisect"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
)

// A bisection runs a search, and keeps what it has tried in the store.
type bisection struct {
	env     *factory
	show    *display.Run
	runner  *runner.Runner
	search  *bisect.Search
	options nightly.Options
	bounded bool // by until, when no more try begins
	until   time.Time

	others map[string]string // of the last try that installed any: versions of packages of others
}

// errLate says that a search has no more time.
var errLate = errors.New("there is no more time")

func (s *bisection) run(ctx context.Context) error {
	file, err := s.file(".json")
	if err != nil {
		return err
	}
	if data, err := files.Read(file, files.Small); err == nil {
		if err := json.Unmarshal(data, &s.search.Trials); err != nil {
			return usagef("%s: %w; remove it", file, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.search.Run(ctx, nightly.Places(), s.prove, func(t bisect.Trial) error {
		if t.Verdict == "" && s.bounded && s.env.now().After(s.until) {
			return errLate
		}
		s.tell(t)
		if t.Verdict == "" {
			return nil
		}
		data, err := json.Marshal(s.search.Trials)
		if err != nil {
			return err
		}
		return files.Replace(file, data)
	})
}

// releases searches on among the releases of others, where the good plan of a night fails today, and what was installed
// with it then is known. Its error is that of the search before where nothing else is to be blamed.
func (s *bisection) releases(ctx context.Context, good night, end *bisect.EndError) error {
	if end.Trial.Steps > 0 || good.others == nil || s.others == nil {
		return end
	}
	next := bisect.NewReleases(s.search.Good, good.others, s.others)
	if len(next.Steps) == 0 {
		return end
	}
	fmt.Fprintf(s.show.Logs(), "\n%-12s the good plan fails today, and %s of others changed since\n", "releases", markdown.Count(len(next.Steps), "package"))
	s.search = next
	return s.run(ctx)
}

// prove proves what is behind so many steps, and no further than until.
func (s *bisection) prove(ctx context.Context, steps int, until string) (found bisect.Outcome, err error) {
	o := s.options.To(until)
	o.Prove.Hold, o.Prove.Anew = s.search.Hold(steps), steps == 0 || steps == len(s.search.Steps) // all else builds on the ends
	plan := s.search.Plan(steps)
	made, err := nightly.Run(ctx, s.runner, plan, o)
	failed := err
	if display.IsSkip(err) {
		failed = nil
	}
	code := exitCode(failed)
	if ctx.Err() != nil || failed != nil && code != exitBuild && code != exitInstall {
		return found, err
	}
	if others := nightly.InstalledOthers(s.runner, made, failed); others != nil {
		s.others = others
	}
	if failed != nil {
		found.Stage, found.Reason = nightly.Place(failed), failed.Error()
		if found.Stage == "" {
			return found, err
		}
	}
	if o.Prove.Judge != "" {
		if found.Skip, err = nightly.Judged(failed); err != nil {
			return found, err
		}
	}
	report, err := s.file(fmt.Sprintf("-%d.md", steps))
	if err == nil {
		found.Report, err = nightly.KeepReport(s.runner, made, failed, report)
	}
	return found, err
}

// file is where a search is kept: one for the two plans, and for how far they are proven, with what.
func (s *bisection) file(end string) (string, error) {
	o := s.options
	data, err := json.Marshal([]any{s.search.Good, s.search.Bad, s.search.Hold(0), o.Until, o.Prove.Level, o.Prove.Cell, o.Prove.AllCells, o.Prove.Search, o.Prove.SampleData, o.Prove.Tests, o.Prove.Images, o.Prove.Judge})
	return filepath.Join(s.runner.Dir, "bisect", string(pipeline.DigestOf(data)[:12])+end), err
}

// tell says which plan is tried, and what became of it.
func (s *bisection) tell(t bisect.Trial) {
	all := s.search.Steps
	if s.env.json {
		s.show.Event(map[string]any{"event": "trial", "of": len(all), "trial": t})
		return
	}
	what := "the good plan"
	switch {
	case t.Steps == len(all):
		what = "the bad plan"
	case t.Steps > 0:
		what = all[t.Steps-1].Title()
	}
	if t.Verdict == "" {
		fmt.Fprintf(s.show.Logs(), "\n%-12s %d of %d steps, to %s\n", "try", t.Steps, len(all), markdown.Printable(what))
		return
	}
	fmt.Fprintf(s.show.Logs(), "%-12s %s\n", "verdict", t.Verdict)
}
