package releases

import (
	"fmt"

	"github.com/mage-os/nightly/releases/config"
)

// A ConfigError is a release line, a plan or the value of a flag that cannot be used as
// it is written.
type ConfigError = config.Error

// configErrorf is a ConfigError of one problem.
func configErrorf(format string, args ...any) error { return config.Errorf(format, args...) }

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
