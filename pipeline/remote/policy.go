// Package remote is what the clients of all servers share: how often one that fails
// is asked again, whose secrets it sees, how ssh logs in, and how much of what it
// sends is read.
package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// A Policy says how often, and for how long, a server that fails is asked again.
// Waits double from one second to half a minute; a server that asks for a longer one
// gets it, if the Deadline allows. The zero Policy holds the defaults.
type Policy struct {
	// Tries is how often a server is asked; 0: 5 times.
	Tries int
	// Timeout ends a try which took so long, or in which nothing came for so long
	// (see Alive); 0: it has no end of its own.
	Timeout time.Duration
	// Deadline bounds all tries and waits together; 0: 5 minutes.
	Deadline time.Duration
	// Jitter is the share of a wait by which it varies, so that clients that failed
	// together do not ask together again; 0: none.
	Jitter float64
	// Wait passes the time between two tries; nil: Wait.
	Wait func(context.Context, time.Duration) error
	// Log tells of tries that failed; nil: no log.
	Log *slog.Logger
}

// Or gives the policy with what it leaves open taken from another one.
func (p Policy) Or(other Policy) Policy {
	p.Tries, p.Timeout, p.Deadline = cmp.Or(p.Tries, other.Tries), cmp.Or(p.Timeout, other.Timeout), cmp.Or(p.Deadline, other.Deadline)
	p.Jitter, p.Log = cmp.Or(p.Jitter, other.Jitter), cmp.Or(p.Log, other.Log)
	if p.Wait == nil {
		p.Wait = other.Wait
	}
	return p
}

// Do tries until try succeeds, until its failure is one that stays, or until the
// tries or the time are used up. Failures of the network and answers that are a
// StatusError may pass, and what try marks with Again. The server's name is for the
// log; errors do not hold it.
func (p Policy) Do(ctx context.Context, server string, try func(context.Context) error) error {
	p = p.Or(Policy{Tries: 5, Deadline: 5 * time.Minute, Wait: Wait, Log: slog.New(slog.DiscardHandler)})
	within, cancel := context.WithTimeout(ctx, p.Deadline)
	defer cancel()
	waits := backoff.ExponentialBackOff{InitialInterval: time.Second, Multiplier: 2, MaxInterval: 30 * time.Second, RandomizationFactor: p.Jitter}
	waits.Reset()
	var last error
	var waited time.Duration
	for n := 1; ; n++ {
		err := p.once(within, try)
		after, again := temporary(err)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case within.Err() != nil:
			return p.late(last)
		case !again:
			return err
		case n >= p.Tries:
			return fmt.Errorf("%w, on each of %d tries", err, n)
		}
		pause := max(waits.NextBackOff(), after)
		if waited += pause; waited > p.Deadline {
			return fmt.Errorf("%w; the next try would come after %s, and all tries together may take %s", err, pause.Round(time.Second), p.Deadline)
		}
		p.Log.Info("a server failed and is asked again", slog.String("server", server), slog.Int("try", n), slog.Duration("wait", pause), slog.Any("error", err))
		last = err
		if err := p.Wait(within, pause); ctx.Err() != nil {
			return context.Cause(ctx)
		} else if err != nil {
			return p.late(last)
		}
	}
}

// late says that the time is used up, after the failure of the try before.
func (p Policy) late(last error) error {
	if last == nil {
		return Again(fmt.Errorf("no whole answer within %s", p.Deadline), 0)
	}
	return fmt.Errorf("%w; all tries together took longer than %s", last, p.Deadline)
}

// once is one try.
func (p Policy) once(ctx context.Context, try func(context.Context) error) error {
	if p.Timeout <= 0 {
		return try(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	hangs := Again(fmt.Errorf("no answer within %s", p.Timeout), 0)
	timer := time.AfterFunc(p.Timeout, func() { cancel(hangs) })
	defer timer.Stop()
	err := try(context.WithValue(ctx, timerKey{}, func() { timer.Reset(p.Timeout) }))
	if err != nil && context.Cause(ctx) == hangs {
		return hangs
	}
	return err
}

type timerKey struct{}

// Alive says that something came from the server within a try of Do, which got this
// context: its Timeout begins again.
func Alive(ctx context.Context) {
	if reset, ok := ctx.Value(timerKey{}).(func()); ok && ctx.Err() == nil {
		reset()
	}
}

// Wait passes time, or ends with the context.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Again marks a failure that may be over at the next try, which is to come no sooner
// than after; 0: the server does not say when.
func Again(err error, after time.Duration) error { return &againError{err, after} }

type againError struct {
	err   error
	after time.Duration
}

func (e *againError) Error() string { return e.err.Error() }
func (e *againError) Unwrap() error { return e.err }

// temporary says whether a failure may be over at the next try, and how long the
// server asks to wait.
func temporary(err error) (after time.Duration, again bool) {
	var marked *againError
	var busy *StatusError
	switch {
	case IsIdentity(err):
		return 0, false
	case errors.As(err, &busy):
		return busy.After, true
	case errors.As(err, &marked):
		return marked.after, true
	}
	return 0, IsNetwork(err)
}
