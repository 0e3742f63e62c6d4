package github

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// maxAnswer bounds an answer, in bytes; a page of the API has some 2 MB at most.
	maxAnswer = 64 << 20
	// betweenWrites is the pause that GitHub asks for between requests that change
	// something ("Best practices for using the REST API").
	betweenWrites = time.Second
	// slowestUpload is the speed below which an upload is given up, in bytes a second.
	slowestUpload = 64 << 10
)

// A transport gives requests their token, waits for limits, and asks again what
// failed and may be asked twice. Each answer is read to its end within its try, so
// that one that breaks off counts as a failure.
type transport struct {
	next    http.RoundTripper
	options Options
	hosts   map[string]bool // host:port that may see the token
	token   func(context.Context) (Token, error)

	writing sync.Mutex // held while something is written
	wrote   bool
}

// String keeps the token's owner from being printed.
func (*transport) String() string { return "transport" }

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if !isRead(request) {
		t.writing.Lock()
		defer t.writing.Unlock()
		if t.wrote {
			if err := t.options.Wait(request.Context(), betweenWrites); err != nil {
				return nil, err
			}
		}
		t.wrote = true
	}
	return t.persist(request)
}

// persist asks until there is an answer that stays.
func (t *transport) persist(request *http.Request) (*http.Response, error) {
	p := newPatience()
	var waited time.Duration
	for {
		response, body, err := t.try(request)
		pause, cause := p.judge(request, response, body, err, t.options.Tries)
		if pause == 0 {
			return response, err
		}
		if waited += pause; waited > t.options.LongestWait {
			return nil, &LimitError{Cause: cause, Wait: pause, Bound: t.options.LongestWait}
		}
		t.options.Log.Info("GitHub is asked again", slog.String("method", request.Method), slog.String("path", request.URL.Path),
			slog.Duration("wait", pause), slog.String("cause", cause))
		if err := t.options.Wait(request.Context(), pause); err != nil {
			return nil, err
		}
	}
}

// try sends the request once, and reads the answer.
func (t *transport) try(original *http.Request) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(original.Context(), t.options.Timeout+time.Duration(max(original.ContentLength, 0))*time.Second/slowestUpload)
	defer cancel()
	request := original.Clone(ctx)
	if original.GetBody != nil {
		body, err := original.GetBody()
		if err != nil {
			return nil, nil, err
		}
		request.Body = body
	}
	if err := t.authorize(request); err != nil {
		return nil, nil, err
	}
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	if err != nil {
		return nil, nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, body, nil
}

// authorize adds the token, for the API's own hosts: a redirect leads elsewhere.
func (t *transport) authorize(request *http.Request) error {
	if !t.hosts[hostPort(request.URL)] || request.Header.Get("Authorization") != "" {
		return nil
	}
	token, err := t.token(request.Context())
	if err == nil && !token.IsZero() {
		request.Header.Set("Authorization", "Bearer "+token.text())
	}
	return err
}

func hostPort(u *url.URL) string {
	port := map[string]string{"https": "443", "http": "80"}[u.Scheme]
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), cmp.Or(u.Port(), port))
}

// isRead says whether a request changes nothing. What goes to GraphQL from here
// are queries.
func isRead(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead || isGraphQL(r)
}

func isGraphQL(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/graphql")
}

// mayRepeat says whether a request that was perhaps carried out may be sent once
// more. A POST makes something new each time: who sends it looks first.
func mayRepeat(r *http.Request) bool { return r.Method != http.MethodPost || isGraphQL(r) }

// A patience counts the failures of one request.
type patience struct {
	waits     *backoff.ExponentialBackOff
	failures  int
	secondary time.Duration // the next wait for a secondary limit that names none
}

func newPatience() *patience {
	waits := backoff.NewExponentialBackOff()
	waits.InitialInterval, waits.Multiplier, waits.MaxInterval = time.Second, 2, 30*time.Second
	waits.RandomizationFactor = 0
	waits.Reset()
	return &patience{waits: waits, secondary: time.Minute}
}

// judge gives the wait before the next try and why; 0: the answer, or the failure,
// is final.
func (p *patience) judge(r *http.Request, response *http.Response, body []byte, err error, tries int) (time.Duration, string) {
	if err == nil {
		if pause, cause := p.limit(r, response, body); pause > 0 {
			return pause, cause
		}
		if response.StatusCode < 500 || response.StatusCode == http.StatusNotImplemented {
			return 0, ""
		}
	}
	if r.Context().Err() != nil || !mayRepeat(r) && !unsent(err) || err != nil && !passing(err) {
		return 0, ""
	}
	if p.failures++; p.failures >= tries {
		return 0, ""
	}
	pause := p.waits.NextBackOff()
	if err != nil {
		return pause, err.Error()
	}
	return max(pause, retryAfter(response.Header)), "the server answered " + response.Status
}

// unsent says that there was not even a connection.
func unsent(err error) bool {
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial"
}
