package target

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A lockRecord is the content of a lock file.
type lockRecord struct {
	Owner string    `json:"owner"`
	Since time.Time `json:"since"`
	Beat  int       `json:"beat"` // raised while the holder lives
	// Released says that its holder has ended; it then tells no more of it.
	Released bool `json:"released"`
}

// refuse is the error for who finds the lock held.
func (r lockRecord) refuse(t Source, h Holder) error {
	owner := "another run"
	if r.Owner != "" {
		owner = fmt.Sprintf("%q", r.Owner)
	}
	if !r.Since.IsZero() {
		owner += " since " + r.Since.UTC().Format(time.RFC3339)
		if age := h.Since.Sub(r.Since); age > 0 {
			owner += fmt.Sprintf(" (%s)", age.Round(time.Second))
		}
	}
	return fmt.Errorf("%s is being published to by %s; wait until that run has ended", t, owner)
}

// A lockTarget is a target without locks of its own.
type lockTarget interface {
	Target
	// create makes a file that is not there; else it reports fs.ErrExist.
	create(ctx context.Context, name string, data []byte) error
}

// A lease is a lock of numbered files. The highest number has the lock; to take it
// from a holder that no longer renews it, or has released it, is to create the
// next number, which only one can. Nobody ever removes a file that may be held.
type lease struct {
	target lockTarget
	holder Holder
	o      Options

	number int
	record lockRecord
}

func lockName(number int) string { return fmt.Sprintf("%s/%08d", lockDir, number) }

// take gets the lock: of nobody, of one that released it, or of one that is seen
// not to renew it for a whole lease. No clock is compared with another machine's.
func (l *lease) take(ctx context.Context) (context.Context, func() error, error) {
	for {
		top, record, err := l.top(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("lock %s: %w", l.target, err)
		}
		if top > 0 && !record.Released {
			if err := l.watch(ctx, top, record); err != nil {
				return nil, nil, err
			}
		}
		taken, err := l.create(ctx, top+1)
		if err != nil {
			return nil, nil, fmt.Errorf("lock %s: %w", l.target, err)
		}
		if taken {
			held, release := l.keep(ctx)
			return held, release, nil
		}
	}
}

// top is the highest number and what it says; 0 if there is none.
func (l *lease) top(ctx context.Context) (int, lockRecord, error) {
	numbers, err := l.numbers(ctx)
	if err != nil || len(numbers) == 0 {
		return 0, lockRecord{}, err
	}
	top := numbers[len(numbers)-1]
	record, err := l.read(ctx, top)
	return top, record, err
}

func (l *lease) numbers(ctx context.Context) ([]int, error) {
	entries, err := l.target.List(ctx, lockDir)
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, e := range entries {
		if n, err := strconv.Atoi(path.Base(e.Name)); err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// read reads a record. One that is not whole yet is of somebody who is just
// writing it, or was killed then: it counts as held, by nobody knows whom.
func (l *lease) read(ctx context.Context, number int) (lockRecord, error) {
	data, err := Read(ctx, l.target, lockName(number))
	if missing(err) {
		return lockRecord{Released: true}, nil // a later one has removed it
	}
	if err != nil {
		return lockRecord{}, err
	}
	var record lockRecord
	if err := json.Unmarshal(data, &record); err != nil {
		return lockRecord{}, nil //nolint:nilerr // see above
	}
	return record, nil
}

// watch waits for a whole lease whether the holder renews its lock. If so, that is
// an error; nil says that the lock can be taken.
func (l *lease) watch(ctx context.Context, number int, first lockRecord) error {
	const looks = 6
	l.o.Log.Info("the target is locked; does its holder live?", "holder", first.Owner, "wait", l.o.Lease)
	for range looks {
		if err := l.o.Wait(ctx, l.o.Lease/looks); err != nil {
			return err
		}
		top, record, err := l.top(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("lock %s: %w", l.target, err)
		case record.Released:
			return nil
		case top != number || record != first:
			return record.refuse(l.target, l.holder)
		}
	}
	return nil
}

// create takes a number, unless somebody was quicker.
func (l *lease) create(ctx context.Context, number int) (bool, error) {
	l.number, l.record = number, lockRecord{Owner: l.holder.Name, Since: l.holder.Since}
	data, err := json.Marshal(l.record)
	if err != nil {
		return false, err
	}
	err = l.target.create(ctx, lockName(number), data)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	// A second one has to fail. Where it does not, the server does not know
	// conditional writes, and the last writer has the lock.
	if err := l.target.create(ctx, lockName(number), data); err == nil {
		l.o.Log.Warn("the server does not honour conditional writes; two runs that start within the same moment may not see each other: let one publisher run at a time", "target", l.target.String())
		if err := l.o.Wait(ctx, l.o.Lease/6); err != nil {
			return false, err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return false, err
	}
	got, err := Read(ctx, l.target, lockName(number))
	if missing(err) || err == nil && !bytes.Equal(got, data) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return l.alone(ctx)
}

// alone gives up a number that is not the highest: while this run looked, others
// took the lock and gave it back. It removes the numbers before.
func (l *lease) alone(ctx context.Context) (bool, error) {
	numbers, err := l.numbers(ctx)
	if err != nil {
		return false, err
	}
	var before []string
	for _, n := range numbers {
		switch {
		case n > l.number:
			return false, l.target.Remove(ctx, []string{lockName(l.number)})
		case n < l.number:
			before = append(before, lockName(n))
		}
	}
	return true, l.target.Remove(ctx, before)
}

// A LostError says that a lock was lost while it was held.
type LostError struct{ err error }

// Error implements error.
func (e *LostError) Error() string {
	return "the lock of the target was lost: " + e.err.Error() + "; run this again"
}

// Unwrap gives the cause.
func (e *LostError) Unwrap() error { return e.err }

// keep renews the lock until it is released.
func (l *lease) keep(parent context.Context) (context.Context, func() error) {
	held, lost := context.WithCancelCause(parent)
	beating, stop := context.WithCancel(held)
	var wait sync.WaitGroup
	wait.Go(func() {
		failures := 0
		for l.o.Wait(beating, l.o.Lease/4) == nil {
			// Nothing breaks it off: a server may still work on what it was sent, and would
			// then replace what the release says.
			err := l.beat(context.WithoutCancel(parent))
			var taken *LostError
			switch {
			case err == nil:
				failures = 0
			case beating.Err() != nil:
				return
			case errors.As(err, &taken):
				lost(err)
				return
			default:
				// One more and somebody else may take it.
				if failures++; failures == 2 {
					lost(&LostError{fmt.Errorf("it could not be renewed: %w", err)})
					return
				}
			}
		}
	})
	return held, func() error {
		stop()
		wait.Wait()
		defer lost(context.Canceled)
		var taken *LostError
		if errors.As(context.Cause(held), &taken) {
			return taken
		}
		return l.release(context.WithoutCancel(parent))
	}
}

// beat renews the lock, unless somebody else has it.
func (l *lease) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.o.Lease/4)
	defer cancel()
	top, record, err := l.top(ctx)
	if err != nil {
		return err
	}
	if top > l.number {
		return &LostError{fmt.Errorf("%q took it", record.Owner)}
	}
	l.record.Beat++
	return l.write(ctx, l.record)
}

func (l *lease) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.o.Lease)
	defer cancel()
	// What is not there when it is read back was removed by whoever has the lock now.
	if err := l.write(ctx, lockRecord{Released: true}); err != nil && !missing(err) {
		return fmt.Errorf("release the lock of %s: %w; the next run waits %s for it", l.target, err, l.o.Lease)
	}
	return nil
}

func (l *lease) write(ctx context.Context, record lockRecord) error {
	data, err := json.Marshal(record)
	if err != nil {
		return err
	}
	return l.target.Write(ctx, lockName(l.number), Bytes(data))
}
