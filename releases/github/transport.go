package github

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/remote"
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

// A transport waits for limits, and asks again what failed and may be asked twice. Each
// answer is read to its end within its try, so that one that breaks off counts as a
// failure.
type transport struct {
	next   http.RoundTripper
	policy remote.Policy

	writing sync.Mutex // held while something is written
	wrote   bool
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(request *http.Request) (response *http.Response, err error) {
	if !isRead(request) {
		t.writing.Lock()
		defer t.writing.Unlock()
		if t.wrote {
			if err := t.policy.Wait(request.Context(), betweenWrites); err != nil {
				return nil, err
			}
		}
		t.wrote = true
	}
	policy, secondary := t.policy, time.Minute
	upload := time.Duration(max(request.ContentLength, 0)) * time.Second / slowestUpload
	policy.Timeout, policy.Deadline = policy.Timeout+upload, policy.Deadline+upload
	var final error // of what may have been carried out, and is not sent twice
	err = policy.Do(request.Context(), request.URL.Host, func(ctx context.Context) error {
		var body []byte
		response, body, final = t.try(ctx, request)
		switch {
		case final == nil:
			if pause, cause := limit(request, response, body, &secondary); cause != nil {
				return remote.Again(cause, pause)
			}
			if mayRepeat(request) {
				return remote.Busy(response)
			}
		case mayRepeat(request) || unsent(final):
			return final
		}
		return nil
	})
	if err == nil {
		err = final
	}
	if err != nil {
		return nil, err
	}
	return response, nil
}

// try sends the request once, and reads the answer.
func (t *transport) try(ctx context.Context, original *http.Request) (*http.Response, []byte, error) {
	request := original.Clone(ctx)
	if original.GetBody != nil {
		body, err := original.GetBody()
		if err != nil {
			return nil, nil, err
		}
		request.Body = body
	}
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, nil, err
	}
	body, err := files.ReadAll(response.Body, "the answer", maxAnswer)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, body, nil
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

// unsent says that there was not even a connection.
func unsent(err error) bool {
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial"
}

// limit gives the wait that a limit asks for, and says which it is: GitHub's
// documentation, "Rate limits for the REST API", "Exceeding the rate limit". A request
// that is refused so was not carried out. Times are taken against the server's own
// clock. Of a secondary limit that names no time each wait is twice the one before.
func limit(r *http.Request, response *http.Response, body []byte, secondary *time.Duration) (time.Duration, error) {
	header := response.Header
	refused := response.StatusCode == http.StatusForbidden || response.StatusCode == http.StatusTooManyRequests
	query := isGraphQL(r) && response.StatusCode == http.StatusOK && bytes.Contains(body, []byte(`"RATE_LIMITED"`))
	after := remote.RetryAfter(header)
	switch {
	case !refused && !query:
		return 0, nil
	case after > 0:
		return after, errors.New("GitHub's limit is reached")
	case header.Get("X-Ratelimit-Remaining") == "0":
		return untilReset(header), errors.New("GitHub's hourly limit is reached, which a token raises")
	case query, response.StatusCode == http.StatusTooManyRequests, isSecondary(body):
		defer func() { *secondary *= 2 }()
		return *secondary, errors.New("GitHub's secondary limit is reached")
	}
	return 0, nil // a right is missing
}

func isSecondary(body []byte) bool {
	return bytes.Contains(bytes.ToLower(body), []byte("secondary rate limit")) || bytes.Contains(body, []byte("#abuse-rate-limits"))
}

// untilReset is the time to the end of the hour that GitHub counts, and a second
// more since it rounds down.
func untilReset(header http.Header) time.Duration {
	reset, err := strconv.ParseInt(header.Get("X-Ratelimit-Reset"), 10, 64)
	now, dateErr := http.ParseTime(header.Get("Date"))
	if err != nil || dateErr != nil {
		return time.Minute
	}
	return max(time.Unix(reset, 0).Sub(now), 0) + time.Second
}

// unsure says that a request may have been carried out although it failed.
func unsure(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() == nil && (status(err) >= 500 || status(err) == 0 && remote.IsNetwork(err) && !remote.IsIdentity(err))
}

// settle does what is not idempotent: look says whether it is done already; if
// not, act does it. After a failure that leaves it open, it looks again.
func (c *Client) settle(ctx context.Context, look func() (done bool, err error), act func() error) error {
	policy := c.options.Policy
	policy.Timeout, policy.Deadline = 0, policy.Deadline*time.Duration(policy.Tries) // each request has its own
	var final error
	err := policy.Do(ctx, c.host, func(context.Context) error {
		var done bool
		if done, final = look(); done || final != nil {
			return nil
		}
		final = act()
		if lost := status(final) == http.StatusUnprocessableEntity && hasCode(final, "already_exists"); lost || unsure(ctx, final) {
			return remote.Again(final, 0)
		}
		return nil
	})
	if err == nil {
		err = final
	}
	return err
}
