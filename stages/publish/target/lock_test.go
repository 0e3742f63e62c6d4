package target_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/publish/target/targettest"
)

const lease = 12 * time.Second

var since = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

// waits are what a target does when it waits: for its next beat, or to look again
// whether somebody else's lock is renewed.
type waits struct {
	beat func(context.Context) error
	look func() error
}

func never(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (w waits) wait(ctx context.Context, d time.Duration) error {
	if d == lease/4 {
		return w.beat(ctx)
	}
	if w.look == nil {
		return ctx.Err()
	}
	return w.look()
}

// leased runs a test on the targets whose locks are leases.
func leased(t *testing.T, test func(t *testing.T, open func(waits) target.Target)) {
	t.Helper()
	run := func(t *testing.T, url string, o target.Options) {
		test(t, func(w waits) target.Target {
			o.Lease, o.Wait = lease, w.wait
			return open(t, url, o)
		})
	}
	t.Run("sftp", func(t *testing.T) {
		server := targettest.StartSSH(t)
		run(t, server.URL(t.TempDir()), target.Options{SSH: server.Login})
	})
	t.Run("s3", func(t *testing.T) { run(t, targettest.StartS3(t), target.Options{}) })
	t.Run("real s3", func(t *testing.T) { run(t, targettest.StartRealS3(t, asIs), target.Options{}) })
}

func TestLockHeld(t *testing.T) {
	leased(t, func(t *testing.T, open func(waits) target.Target) {
		beats := make(chan struct{})
		first := open(waits{beat: func(ctx context.Context) error {
			select {
			case <-beats:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}})
		release := lock(t, first, target.Holder{Name: "process 17 on builder", Since: since})
		// While it is watched it beats: twice, so that the first is there for sure.
		second := open(waits{beat: never, look: func() error {
			beats <- struct{}{}
			beats <- struct{}{}
			return nil
		}})
		_, _, err := second.Lock(t.Context(), target.Holder{Name: "second", Since: since.Add(5 * time.Minute)})
		for _, want := range []string{`"process 17 on builder"`, "since 2026-11-24T03:00:00Z (5m0s)", "wait until that run has ended"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one with %q", err, want)
			}
		}
		if err := release(); err != nil {
			t.Fatal(err)
		}
		if err := lock(t, second, target.Holder{Name: "second"})(); err != nil {
			t.Error("after it was released:", err)
		}
	})
}

func TestLockOfTheDead(t *testing.T) {
	leased(t, func(t *testing.T, open func(waits) target.Target) {
		beat := make(chan struct{})
		first := open(waits{beat: func(ctx context.Context) error {
			select {
			case <-beat:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}})
		held, release, err := first.Lock(t.Context(), target.Holder{Name: "first"})
		if err != nil {
			t.Fatal(err)
		}
		looks := 0
		second := open(waits{beat: never, look: func() error { looks++; return nil }})
		releaseSecond := lock(t, second, target.Holder{Name: "second"})
		if looks != 6 {
			t.Errorf("the lock was looked at %d times before it was taken, want 6", looks)
		}
		// The first was not dead, only stopped for long: it must not go on.
		close(beat)
		<-held.Done()
		var lost *target.LostError
		if cause := context.Cause(held); !errors.As(cause, &lost) || !strings.Contains(cause.Error(), `"second" took it`) {
			t.Errorf("its context ends with %v", cause)
		}
		if err := release(); !errors.As(err, &lost) {
			t.Errorf("release of a lost lock: %v", err)
		}
		if err := releaseSecond(); err != nil {
			t.Error(err)
		}
	})
}

// Of many that want the lock at the same moment, one has it at a time.
func TestLockRace(t *testing.T) {
	leased(t, func(t *testing.T, open func(waits) target.Target) {
		// Nobody is taken for dead here: who looks gives up.
		var inside, had, refused atomic.Int64
		var wait sync.WaitGroup
		looked := errors.New("is being published to")
		for i := range 8 {
			at := open(waits{beat: never, look: func() error { return looked }})
			wait.Go(func() {
				_, release, err := at.Lock(t.Context(), target.Holder{Name: fmt.Sprint("run ", i)})
				if err != nil {
					if !strings.Contains(err.Error(), "is being published to") {
						t.Errorf("run %d: %v", i, err)
					}
					refused.Add(1)
					return
				}
				if n := inside.Add(1); n > 1 {
					t.Errorf("%d have the lock", n)
				}
				had.Add(1)
				inside.Add(-1)
				if err := release(); err != nil {
					t.Errorf("run %d: %v", i, err)
				}
			})
		}
		wait.Wait()
		if had.Load()+refused.Load() != 8 || had.Load() == 0 {
			t.Errorf("%d had the lock, %d were refused", had.Load(), refused.Load())
		}
	})
}

// A run that was killed while it wrote its lock leaves half a record.
func TestLockTorn(t *testing.T) {
	leased(t, func(t *testing.T, open func(waits) target.Target) {
		at := open(waits{beat: never})
		if err := at.Write(t.Context(), ".publish.locks/00000007", target.Bytes([]byte(`{"owner":"ki`))); err != nil {
			t.Fatal(err)
		}
		release := lock(t, at, target.Holder{Name: "next"})
		if err := release(); err != nil {
			t.Fatal(err)
		}
		entries, err := at.List(t.Context(), ".publish.locks")
		if err != nil || len(entries) != 1 || entries[0].Name != ".publish.locks/00000008" {
			t.Errorf("locks %v, %v", entries, err)
		}
		if data, err := target.Read(t.Context(), at, entries[0].Name); err != nil || strings.Contains(string(data), "next") {
			t.Errorf("a lock that was released still tells who had it: %s, %v", data, err)
		}
	})
}

func TestLockCannotBeRenewed(t *testing.T) {
	var broken atomic.Bool
	url := targettest.StartS3Behind(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if broken.Load() {
				http.Error(w, "<Error><Code>AccessDenied</Code></Error>", http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	beat := make(chan struct{})
	at := open(t, url, target.Options{Lease: lease, Wait: waits{beat: func(ctx context.Context) error {
		select {
		case <-beat:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}.wait})
	held, release, err := at.Lock(t.Context(), target.Holder{Name: "first"})
	if err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	close(beat)
	<-held.Done()
	var lost *target.LostError
	if err := release(); !errors.As(err, &lost) || !strings.Contains(err.Error(), "could not be renewed") {
		t.Errorf("error %v", err)
	}
}

// A run that ends while it renews its lock lets that end first: a request that is broken
// off may still be served, after the lock was given back.
func TestLockReleasedWhileItBeats(t *testing.T) {
	begun, released, late := make(chan struct{}), make(chan struct{}), make(chan struct{})
	url := targettest.StartS3Behind(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body) // what cannot be read is not served
			r.Body = io.NopCloser(bytes.NewReader(body))
			if r.Method == http.MethodPut && bytes.Contains(body, []byte(`"beat":1`)) {
				close(begun)
				defer close(late)
				select {
				case <-r.Context().Done():
					<-released
				case <-time.After(200 * time.Millisecond):
				}
			}
			next.ServeHTTP(w, r.WithContext(context.WithoutCancel(r.Context())))
		})
	})
	beat := make(chan struct{}, 1)
	beat <- struct{}{}
	at := open(t, url, target.Options{Lease: lease, Wait: waits{beat: func(ctx context.Context) error {
		select {
		case <-beat:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}.wait})
	ctx, cancel := context.WithCancel(t.Context())
	_, release, err := at.Lock(ctx, target.Holder{Name: "first"})
	if err != nil {
		t.Fatal(err)
	}
	<-begun
	cancel()
	if err := release(); err != nil {
		t.Error(err)
	}
	close(released)
	<-late
	if data, err := target.Read(t.Context(), at, ".publish.locks/00000001"); err != nil || !strings.Contains(string(data), `"released":true`) {
		t.Errorf("the lock says %s, %v", data, err)
	}
}

// Who waits for a lock may take it, and remove what the release says, before that is
// read back.
func TestLockTakenWhileItIsReleased(t *testing.T) {
	url := targettest.StartS3Behind(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body) // what cannot be read is not served
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
			if r.Method == http.MethodPut && bytes.Contains(body, []byte(`"released":true`)) {
				remove := httptest.NewRequest(http.MethodDelete, r.URL.String(), nil)
				next.ServeHTTP(httptest.NewRecorder(), remove)
			}
		})
	})
	at := open(t, url, target.Options{Lease: lease, Wait: waits{beat: never}.wait})
	if err := lock(t, at, target.Holder{Name: "first"})(); err != nil {
		t.Error(err)
	}
}

// Some servers ignore the condition of a write, others refuse it. The lock then holds
// but for runs that start within the same moment, and says so.
func TestLockWithoutConditions(t *testing.T) {
	for name, before := range map[string]func(w http.ResponseWriter, r *http.Request, next http.Handler){
		"ignored": func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			r.Header.Del("If-None-Match")
			next.ServeHTTP(w, r)
		},
		"refused": func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Header.Get("If-None-Match") != "" {
				http.Error(w, "<Error><Code>NotImplemented</Code></Error>", http.StatusNotImplemented)
				return
			}
			next.ServeHTTP(w, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := targettest.StartS3Behind(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { before(w, r, next) })
			})
			var log bytes.Buffer
			at := open(t, url, target.Options{Lease: lease, Wait: waits{beat: never}.wait, Log: slog.New(slog.NewTextHandler(&log, nil))})
			release := lock(t, at, target.Holder{Name: "first"})
			if !strings.Contains(log.String(), "does not honour conditional writes") {
				t.Errorf("log %s", &log)
			}
			if err := release(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLockOfFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "repository")
	first, second := open(t, dir, target.Options{}), open(t, dir, target.Options{})
	release := lock(t, first, target.Holder{Name: "process 17 on builder", Since: since})
	_, _, err := second.Lock(t.Context(), target.Holder{Name: "second", Since: since.Add(time.Hour)})
	for _, want := range []string{dir, `"process 17 on builder"`, "since 2026-11-24T03:00:00Z (1h0m0s)"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if err := lock(t, second, target.Holder{Name: "second"})(); err != nil {
		t.Error(err)
	}
}
