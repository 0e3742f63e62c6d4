package releases

import "fmt"

// A ConfigError is a release line, a plan or the value of a flag that cannot be
// used as it is written. Its text names every problem, one a line.
type ConfigError struct {
	// Err is all problems, joined.
	Err error
}

// Error is the text of all problems, one a line.
func (e *ConfigError) Error() string { return e.Err.Error() }

// Unwrap gives the joined problems.
func (e *ConfigError) Unwrap() error { return e.Err }

// configErrorf is a ConfigError of one problem.
func configErrorf(format string, args ...any) error {
	return &ConfigError{Err: fmt.Errorf(format, args...)}
}

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
