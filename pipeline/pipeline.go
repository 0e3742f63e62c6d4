// Package pipeline runs typed stages: it keys a stage by its input, saves its
// result, reuses a saved one, and reports what happened and why.
//
// It knows nothing of Composer or git. A stage is a function from one artefact
// that can be written as JSON to the next; files travel beside the artefacts,
// as trees in a content-addressed store.
package pipeline

import (
	"context"
)

// A Stage turns one saved artefact into the next.
//
// In and Out must survive a round trip through JSON unchanged; Run checks that.
// Out of a stage whose result is the input of another holds no times and no
// names of machines, because it decides the key of that other stage.
type Stage[In, Out any] struct {
	// Name is stable: it is part of the key under which a result is saved.
	Name string
	// Version is raised when the same In must yield a new Out.
	Version int
	// Always says that a saved result is never reused, because the stage
	// compares with something outside: publishing.
	Always bool
	// Run does the work. It may return a *SkipError, which is no failure.
	Run func(context.Context, In) (Out, error)
}

// A SkipError says that a stage had nothing to do and why. It is no failure.
type SkipError struct{ Reason string }

func (e *SkipError) Error() string { return "skipped: " + e.Reason }

// A StageError says which stage failed. Its message is the cause's.
type StageError struct {
	Stage string
	Err   error
}

func (e *StageError) Error() string { return e.Stage + ": " + e.Err.Error() }
func (e *StageError) Unwrap() error { return e.Err }

// A Summarizer says in a few words what an artefact holds, for the table at the
// end of a run: "32 repositories, 3 fetched".
type Summarizer interface{ Summary() string }

// A Noter has notes: what people should know of an artefact that was made nevertheless.
// They are part of it, so that a saved one that is taken again tells them again.
type Noter interface{ Noted() []string }

// State is what became of a stage.
type State string

// The states of a stage.
const (
	Started State = "started"
	Done    State = "done"    // it ran
	Reused  State = "reused"  // the saved result of the same input was taken
	Skipped State = "skipped" // it had nothing to do
	Failed  State = "failed"
)

// A Report is one event in the life of a stage. The receiver adds the time: the
// clock is read in the command only.
type Report struct {
	Stage  string
	State  State
	Detail string // what was done, or why it was skipped or reused
	Err    error  // only when State is Failed
	Notes  []string
}

// Progress tells how far a stage has come. Total is 0 while it is not known. It
// is called from several goroutines at once.
type Progress func(Step)

// Tell passes a step on, unless nobody looks: then the Progress is nil.
func (p Progress) Tell(s Step) {
	if p != nil {
		p(s)
	}
}

// A Step is one line of progress within a stage.
type Step struct {
	Stage string
	Item  string // what is being worked on: a repository, a package
	// Detail is more of that: the last line that a command wrote.
	Detail string `json:",omitempty"`
	Done   int64
	Total  int64
	Unit   string // "repositories", "packages", "bytes", or Steps
}

// Steps is the Unit of a stage that does one thing after the other, each worth a line.
const Steps = "steps"
