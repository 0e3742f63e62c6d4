package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"strings"
)

// Results keeps what stages returned.
type Results interface {
	// Load reports fs.ErrNotExist for a key under which nothing was saved.
	Load(ctx context.Context, key Digest) ([]byte, error)
	Save(ctx context.Context, key Digest, data []byte) error
}

// A Checker is a Reader that can tell cheaply whether it holds a tree whole.
// Of a Reader that is none, Run asks for the list of files only; see Check.
type Checker interface {
	// Check reports fs.ErrNotExist when the tree or one of its contents is
	// missing, and another error when one is damaged.
	Check(context.Context, Tree) error
}

// Check reports an error for a tree that a reader has not whole, as a Checker
// does. Of a reader that is none it only asks for the list of files.
func Check(ctx context.Context, r Reader, tree Tree) error {
	if c, ok := r.(Checker); ok {
		return c.Check(ctx, tree)
	}
	_, err := r.Files(ctx, tree)
	return err
}

// A Session is what the runs of one command share.
type Session struct {
	// Results may be nil: then nothing is saved and nothing reused.
	Results Results
	// Store holds the trees that saved results name. It may be nil: then a
	// result is reused without a look at its trees.
	Store Reader
	// Fresh runs every stage even where there is a saved result; the new one
	// takes its place.
	Fresh bool
	// Report may be nil. It is called from the goroutine that called Run.
	Report func(Report)
}

// Key gives the key of a stage's result for an input: the SHA-256 over the
// stage's name, its version in decimal and the input as JSON, divided by NUL.
func Key[In, Out any](stage Stage[In, Out], in In) (Digest, error) {
	if stage.Name == "" || strings.ContainsRune(stage.Name, 0) {
		return "", fmt.Errorf("stage name %q: it must be neither empty nor hold a NUL", stage.Name)
	}
	data, _, err := roundTrip(in)
	if err != nil {
		return "", fmt.Errorf("input: %w", err)
	}
	prefix := fmt.Appendf(nil, "%s\x00%d\x00", stage.Name, stage.Version)
	return DigestOf(append(prefix, data...)), nil
}

// Run gives the stage's result for the input: the saved one if there is one
// that still holds, else what the stage returns, which it then saves.
//
// A saved result holds if the program would write the same bytes for it and
// the session's store still has every tree in it. Run reports Started, and then
// one of the other states. Its error is a *StageError; one with a *SkipError
// inside was reported as Skipped. A stage that panics fails, with the stack in
// the message. After a cancellation the error is context.Canceled by errors.Is,
// whatever the stage made of it.
func Run[In, Out any](ctx context.Context, s *Session, stage Stage[In, Out], in In) (Out, error) {
	s.report(Report{Stage: stage.Name, State: Started})
	out, report, err := attempt(ctx, s, stage, in)
	if err = s.end(ctx, stage.Name, report, err); err != nil {
		var zero Out
		return zero, err
	}
	return out, nil
}

// Do runs work that is no stage, because it reads or writes what is outside of the
// store: a plan, tags, a release on GitHub. Nothing is saved and nothing reused.
//
// The work gives a few words for the report. Do reports and fails as Run does, but
// a *SkipError is reported and no error.
func Do(ctx context.Context, s *Session, name string, work func(context.Context) (detail string, err error)) error {
	s.report(Report{Stage: name, State: Started})
	detail, err := protect(ctx, Stage[struct{}, string]{Run: func(ctx context.Context, _ struct{}) (string, error) { return work(ctx) }}, struct{}{})
	err = s.end(ctx, name, Report{State: Done, Detail: detail}, err)
	var skip *SkipError
	if errors.As(err, &skip) {
		return nil
	}
	return err
}

// Skip reports a stage that is not run at all.
func (s *Session) Skip(name, why string) {
	s.report(Report{Stage: name, State: Skipped, Detail: why})
}

// end reports how a stage ended, and gives its error as a *StageError.
func (s *Session) end(ctx context.Context, name string, report Report, err error) error {
	report.Stage = name
	if err == nil {
		s.report(report)
		return nil
	}
	var skip *SkipError
	if errors.As(err, &skip) {
		s.Skip(name, skip.Reason)
		return &StageError{Stage: name, Err: err}
	}
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w (%w)", cause, err)
	}
	s.report(Report{Stage: name, State: Failed, Err: err})
	return &StageError{Stage: name, Err: err}
}

// attempt is Run without the handling of errors.
func attempt[In, Out any](ctx context.Context, s *Session, stage Stage[In, Out], in In) (Out, Report, error) {
	var zero Out
	key, err := Key(stage, in)
	if err != nil {
		return zero, Report{}, err
	}
	if err := ctx.Err(); err != nil {
		return zero, Report{}, err
	}
	why := ""
	if s.Results != nil && !s.Fresh && !stage.Always {
		out, err := saved[Out](ctx, s, key)
		if err == nil {
			return out, Report{State: Reused, Detail: summary(out), Notes: notes(out)}, nil
		}
		if ctx.Err() != nil {
			return zero, Report{}, err
		}
		if !errors.Is(err, errNothingSaved) {
			why = "run again: " + err.Error()
		}
	}
	out, err := perform(ctx, s, stage, in, key)
	if err != nil {
		return zero, Report{}, err
	}
	return out, Report{State: Done, Detail: join(summary(out), why), Notes: notes(out)}, nil
}

// perform runs the stage and saves what it returns, if results are saved at all.
func perform[In, Out any](ctx context.Context, s *Session, stage Stage[In, Out], in In, key Digest) (Out, error) {
	var zero Out
	out, err := protect(ctx, stage, in)
	if err != nil {
		return zero, err
	}
	data, out, err := roundTrip(out)
	if err != nil {
		return zero, fmt.Errorf("result: %w", err)
	}
	if s.Results != nil {
		// The work is done: a cancellation that comes now must not lose it.
		if err := s.Results.Save(context.WithoutCancel(ctx), key, data); err != nil {
			return zero, fmt.Errorf("save its result: %w", err)
		}
	}
	return out, nil
}

// errNothingSaved says that there is no saved result at all, which needs no
// explanation.
var errNothingSaved = errors.New("nothing saved")

// saved loads the result under a key. Its error says why it cannot be reused.
func saved[Out any](ctx context.Context, s *Session, key Digest) (Out, error) {
	var out, zero Out
	data, err := s.Results.Load(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return zero, errNothingSaved
	}
	if err != nil {
		return zero, fmt.Errorf("the saved result cannot be read: %w", err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		return zero, fmt.Errorf("the saved result is damaged: %w", err)
	}
	// Another program may have saved it, whose type had other fields while
	// nobody raised the stage's version: what it did not say would now be empty.
	again, err := json.Marshal(out)
	if err != nil || !bytes.Equal(again, data) {
		return zero, errors.New("the saved result has another form than this program's")
	}
	for _, tree := range Trees(out) {
		if err := s.check(ctx, tree); err != nil {
			return zero, fmt.Errorf("a tree of the saved result is not whole any more: %w", err)
		}
	}
	return out, nil
}

func (s *Session) check(ctx context.Context, tree Tree) error {
	if s.Store == nil {
		return nil
	}
	return Check(ctx, s.Store, tree)
}

// ErrPanic is the error of a stage that panicked.
var ErrPanic = errors.New("panic")

// protect runs the stage and turns a panic into an error. It cannot do so for
// goroutines that the stage starts.
func protect[In, Out any](ctx context.Context, stage Stage[In, Out], in In) (out Out, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: %v; this is a fault in the program: report it with these lines\n%s", ErrPanic, cause, debug.Stack())
		}
	}()
	return stage.Run(ctx, in)
}

func (s *Session) report(r Report) {
	if s.Report != nil {
		s.Report(r)
	}
}

func summary(out any) string {
	if s, ok := out.(Summarizer); ok {
		return s.Summary()
	}
	return ""
}

func notes(out any) []string {
	if n, ok := out.(Noter); ok {
		return n.Noted()
	}
	return nil
}

func join(summary, why string) string {
	if summary == "" || why == "" {
		return summary + why
	}
	return summary + "; " + why
}
