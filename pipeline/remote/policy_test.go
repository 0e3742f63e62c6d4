package remote

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// An unsteady server answers each request with the next answer, and for ever with the
// last one.
func unsteady(t *testing.T, answers ...http.HandlerFunc) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers[min(int(asked.Add(1)), len(answers))-1](w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, asked
}

func answer(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "body")
	}
}

func reset(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// cutOff promises more than it sends.
func cutOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, "half")
}

// trickle sends a byte at a time and has no end.
func trickle(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		_, _ = io.WriteString(w, ".")
		w.(http.Flusher).Flush()
		time.Sleep(time.Millisecond)
	}
}

func silence(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// get is how a client of this package asks.
func get(ctx context.Context, p Policy, url string) (string, error) {
	var body []byte
	err := p.Do(ctx, url, func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		client := http.Client{Transport: Bounded{Next: Client{}.RoundTripper(), Max: 5000}}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}
		body, err = io.ReadAll(response.Body)
		return err
	})
	return string(body), Advise(err)
}

// noting is a wait that notes how long it would have been.
func noting(waits *[]time.Duration) func(context.Context, time.Duration) error {
	return func(ctx context.Context, d time.Duration) error {
		*waits = append(*waits, d)
		return ctx.Err()
	}
}

func TestDo(t *testing.T) {
	const s = time.Second
	date := "Tue, 24 Nov 2026 10:00:00 GMT"
	for _, test := range []struct {
		name    string
		answers []http.HandlerFunc
		waits   []time.Duration
		err     string // "" is success
	}{
		{"at once", []http.HandlerFunc{answer(200)}, nil, ""},
		{"500, 503 and 408", []http.HandlerFunc{answer(500), answer(503), answer(408), answer(200)}, []time.Duration{s, 2 * s, 4 * s}, ""},
		{"429 in seconds", []http.HandlerFunc{answer(429, "Retry-After", "17"), answer(200)}, []time.Duration{17 * s}, ""},
		{"503 until a date", []http.HandlerFunc{answer(503, "Date", date, "Retry-After", "Tue, 24 Nov 2026 10:00:42 GMT"), answer(200)}, []time.Duration{42 * s}, ""},
		{"403 that says when", []http.HandlerFunc{answer(403, "Retry-After", "3"), answer(200)}, []time.Duration{3 * s}, ""},
		{"less than the usual wait", []http.HandlerFunc{answer(500), answer(429, "Retry-After", "1"), answer(200)}, []time.Duration{s, 2 * s}, ""},
		{"connection reset", []http.HandlerFunc{reset, answer(200)}, []time.Duration{s}, ""},
		{"answer breaks off", []http.HandlerFunc{cutOff, answer(200)}, []time.Duration{s}, ""},
		{"never well", []http.HandlerFunc{answer(502)}, []time.Duration{s, 2 * s, 4 * s, 8 * s}, "the server answered 502 Bad Gateway, on each of 5 tries; try later"},
		{"always cut", []http.HandlerFunc{cutOff}, []time.Duration{s, 2 * s, 4 * s, 8 * s}, "unexpected EOF, on each of 5 tries; check the host"},
		{"longer waits than there is time", []http.HandlerFunc{answer(503, "Retry-After", "200")}, []time.Duration{200 * s}, "the next try would come after 3m20s, and all tries together may take 5m0s"},
		{"a wait too long", []http.HandlerFunc{answer(503, "Retry-After", "86400")}, nil, "the next try would come after 24h0m0s"},
		{"404 stays", []http.HandlerFunc{answer(404)}, nil, "404 Not Found"},
		{"403 stays", []http.HandlerFunc{answer(403)}, nil, "403 Forbidden"},
		{"501 stays", []http.HandlerFunc{answer(501)}, nil, "501 Not Implemented"},
		{"too long an answer", []http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 5001)) }}, nil, "the answer has more than 5000 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			url, _ := unsteady(t, test.answers...)
			var waits []time.Duration
			body, err := get(t.Context(), Policy{Wait: noting(&waits)}, url)
			if test.err == "" && (err != nil || body != "body") || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("%q, %v; want error %q", body, err, test.err)
			}
			if diff := cmp.Diff(test.waits, waits); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDoLeavesAServerThatHangs(t *testing.T) {
	url, asked := unsteady(t, silence)
	var waits []time.Duration
	_, err := get(t.Context(), Policy{Wait: noting(&waits), Timeout: 20 * time.Millisecond, Tries: 2}, url)
	if err == nil || !strings.Contains(err.Error(), "no answer within 20ms, on each of 2 tries; try later") || asked.Load() != 2 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}

// A server that sends a little now and then keeps a try alive, but not for ever.
func TestDeadlineOverAllTries(t *testing.T) {
	for _, test := range []struct {
		name    string
		answers []http.HandlerFunc
		err     string
	}{
		{"trickles", []http.HandlerFunc{trickle}, "no whole answer within 1.2s; try later"},
		{"fails, then trickles", []http.HandlerFunc{answer(503), trickle}, "503 Service Unavailable; all tries together took longer than 1.2s; try later"},
	} {
		t.Run(test.name, func(t *testing.T) {
			url, asked := unsteady(t, test.answers...)
			wait := func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
			_, err := get(t.Context(), Policy{Wait: wait, Timeout: time.Second, Deadline: 1200 * time.Millisecond}, url)
			if err == nil || !strings.Contains(err.Error(), test.err) || int(asked.Load()) != len(test.answers) {
				t.Errorf("asked %d times: %v, want %s", asked.Load(), err, test.err)
			}
		})
	}
}

// A server that is silent now and then, but not for long, is heard out.
func TestAlive(t *testing.T) {
	url, _ := unsteady(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 20 {
			_, _ = io.WriteString(w, ".")
			w.(http.Flusher).Flush()
			time.Sleep(50 * time.Millisecond)
		}
	})
	if body, err := get(t.Context(), Policy{Timeout: 700 * time.Millisecond}, url); err != nil || len(body) != 20 {
		t.Errorf("%q, %v", body, err)
	}
}

func TestCancelEndsAWait(t *testing.T) {
	url, asked := unsteady(t, answer(503, "Retry-After", "100"))
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	began := time.Now()
	_, err := get(ctx, Policy{Wait: func(ctx context.Context, d time.Duration) error {
		time.AfterFunc(time.Millisecond, func() { cancel(stopped) })
		return Wait(ctx, d)
	}}, url)
	if !errors.Is(err, stopped) || asked.Load() != 1 || time.Since(began) > 10*time.Second {
		t.Errorf("after %s, asked %d times: %v", time.Since(began), asked.Load(), err)
	}
}

func TestDoStaysWithACertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(answer(200))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	var waits []time.Duration
	_, err := get(t.Context(), Policy{Wait: noting(&waits)}, server.URL)
	if err == nil || len(waits) > 0 || !IsIdentity(err) || !strings.Contains(err.Error(), "add its authority") {
		t.Errorf("waited %v: %v", waits, err)
	}
}

// What a caller marks is tried again, whatever it is.
func TestAgain(t *testing.T) {
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		err   error
		waits []time.Duration
	}{
		"marked": {Again(broken, 0), []time.Duration{time.Second}}, "when": {Again(broken, time.Minute), []time.Duration{time.Minute}}, "not marked": {broken, nil},
	} {
		var waits []time.Duration
		err := Policy{Wait: noting(&waits), Tries: 2}.Do(t.Context(), "", func(context.Context) error { return test.err })
		if diff := cmp.Diff(test.waits, waits); !errors.Is(err, broken) || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestJitter(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 50 {
		var waits []time.Duration
		_ = Policy{Wait: noting(&waits), Tries: 2, Jitter: 0.5}.Do(t.Context(), "", func(context.Context) error { return io.EOF })
		seen[waits[0]] = true
		if waits[0] < time.Second/2 || waits[0] > 3*time.Second/2 {
			t.Errorf("waited %s", waits[0])
		}
	}
	if len(seen) < 2 {
		t.Error("all waits are the same")
	}
}

func TestLogOfTries(t *testing.T) {
	url, _ := unsteady(t, answer(500), answer(200))
	var out strings.Builder
	var waits []time.Duration
	if _, err := get(t.Context(), Policy{Wait: noting(&waits), Log: slog.New(slog.NewTextHandler(&out, nil))}, url); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{url, "try=1", "wait=1s", "500 Internal Server Error"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %q: %s", want, out.String())
		}
	}
}

func TestPolicyOr(t *testing.T) {
	p := Policy{Tries: 2, Deadline: time.Hour}.Or(Policy{Tries: 5, Timeout: time.Second, Jitter: 1})
	if diff := cmp.Diff(Policy{Tries: 2, Timeout: time.Second, Deadline: time.Hour, Jitter: 1}, p); diff != "" {
		t.Error(diff)
	}
}
