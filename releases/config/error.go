package config

import "fmt"

// An Error is a file, a plan or the value of a flag that cannot be used as it is
// written. Its text names every problem, one a line.
type Error struct {
	// Err is all problems, joined.
	Err error
}

// Error is the text of all problems, one a line.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the joined problems.
func (e *Error) Unwrap() error { return e.Err }

// Errorf is an *Error of one problem.
func Errorf(format string, args ...any) error {
	return &Error{Err: fmt.Errorf(format, args...)}
}
