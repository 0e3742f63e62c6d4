package github

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"

	api "github.com/google/go-github/v84/github"

	"github.com/mage-os/nightly/pipeline/remote"
)

// ErrNotFound says that GitHub does not have what was asked, or does not show it
// to this token: it makes no difference between the two.
var ErrNotFound = errors.New("not found")

// explain adds to a failure what was tried, and what to do about it.
func explain(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	what := fmt.Sprintf(format, args...)
	var answer *api.ErrorResponse
	if !errors.As(err, &answer) || answer.Response == nil {
		return fmt.Errorf("%s: %w", what, remote.Advise(err))
	}
	reason := answerText(answer)
	if advice := advice(answer.Response); advice != "" {
		reason += "; " + advice
	}
	if answer.Response.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%s: %w: %s", what, ErrNotFound, reason)
	}
	return fmt.Errorf("%s: %w", what, &StatusError{Status: answer.Response.StatusCode, Reason: reason})
}

// A StatusError is an answer of GitHub that says no.
type StatusError struct {
	Status int // of HTTP
	Reason string
}

// Error is what GitHub said, and what to do.
func (e *StatusError) Error() string { return e.Reason }

func answerText(answer *api.ErrorResponse) string {
	text := fmt.Sprintf("GitHub answered %d", answer.Response.StatusCode)
	if answer.Message != "" {
		text += ", " + answer.Message
	}
	for _, e := range answer.Errors {
		said := e.Message
		if said == "" {
			said = strings.TrimSpace(e.Field + " " + strings.ReplaceAll(e.Code, "_", " "))
		}
		text += ": " + said
	}
	return text
}

// advice says what to do. GitHub names the rights that a call needs in a header.
func advice(response *http.Response) string {
	rights := response.Header.Get("X-Accepted-Github-Permissions")
	switch response.StatusCode {
	case http.StatusUnauthorized:
		return "the token is not valid any more, or none was given (GITHUB_TOKEN)"
	case http.StatusForbidden:
		switch {
		case strings.Contains(response.Header.Get("X-Github-Sso"), "required"):
			return "the organization wants the token authorized for its single sign-on"
		case rights != "":
			return "the token needs " + rights
		}
		return "the token lacks a right; docs/github.md lists them"
	case http.StatusNotFound:
		return "correct the name, or give a token that may see it"
	}
	return ""
}

// status is the status of the answer that an error stands for; 0: none.
func status(err error) int {
	var answer *api.ErrorResponse
	var busy *remote.StatusError
	switch {
	case errors.As(err, &answer) && answer.Response != nil:
		return answer.Response.StatusCode
	case errors.As(err, &busy):
		return busy.Code
	}
	return 0
}

// hasCode says whether GitHub gave that code for a field of a request.
func hasCode(err error, code string) bool {
	var answer *api.ErrorResponse
	return errors.As(err, &answer) && slices.ContainsFunc(answer.Errors, func(e api.Error) bool { return e.Code == code })
}

// perPage is how many entries of a list a request asks for: as many as GitHub gives.
const perPage = 100

// collect reads a list to its end.
func collect[T any](list iter.Seq2[T, error]) (all []T, err error) {
	for one, err := range list {
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}
