package releases

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A SourceError is a source that cannot be reached, or that does not have what
// was asked of it: a ref, a commit, a package.
type SourceError struct {
	// Repository is its name in the release line, or what it is for when it is
	// none of the line's repositories.
	Repository string
	URL        string
	Err        error
}

// Error names the repository and its URL before the cause.
func (e *SourceError) Error() string {
	return fmt.Sprintf("repository %s (%s): %v", e.Repository, e.URL, e.Err)
}

// Unwrap gives the cause.
func (e *SourceError) Unwrap() error { return e.Err }

// JoinSources is errors.Join of what failed of several sources. Many that fail in the same
// way, as all do without a network, become one error that names them.
func JoinSources(problems ...error) error {
	var joined []error
	groups := map[string]*sourcesError{}
	for _, err := range problems {
		var source *SourceError
		if !errors.As(err, &source) || source.Error() != err.Error() {
			joined = append(joined, err)
			continue
		}
		cause := source.cause()
		if groups[cause] == nil {
			groups[cause] = &sourcesError{cause: cause}
			joined = append(joined, groups[cause])
		}
		groups[cause].sources = append(groups[cause].sources, source)
	}
	return errors.Join(joined...)
}

// A sourcesError is sources that fail in the same way.
type sourcesError struct {
	cause   string
	sources []error // each a *SourceError
}

// few sources each keep their URL.
const few = 3

// Error names all of them.
func (e *sourcesError) Error() string {
	if len(e.sources) <= few {
		return errors.Join(e.sources...).Error()
	}
	names := make([]string, len(e.sources))
	for i, err := range e.sources {
		names[i] = err.(*SourceError).Repository //nolint:errorlint,forcetypeassert // see above
	}
	return fmt.Sprintf("%d repositories (%s): %s", len(names), strings.Join(names, ", "), e.cause)
}

// Unwrap gives the errors of the sources.
func (e *sourcesError) Unwrap() []error { return e.sources }

// ownPort is what tells two connections of one machine from each other.
var ownPort = regexp.MustCompile(`:[0-9]+->`)

// cause is the error without what is the source's own.
func (e *SourceError) cause() string {
	return ownPort.ReplaceAllString(strings.ReplaceAll(e.Err.Error(), e.URL, "the URL of each"), "->")
}
