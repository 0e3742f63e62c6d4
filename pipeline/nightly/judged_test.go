package nightly

import (
	"errors"
	"testing"
)

// TestJudged: the command that judges is heard, and not what a step before it printed.
func TestJudged(t *testing.T) {
	for text, want := range map[string]struct{ skip, fails bool }{
		"install: judge: exit status 1":                                   {},
		"cell php8.4: install: judge: exit status 1: no such file":        {},
		"install: judge: exit status 125":                                 {skip: true},
		"install: judge: exit status 128":                                 {fails: true},
		"install: judge: signal: killed":                                  {fails: true},
		"install: level setup: setup:install: exit status 1: it is empty": {skip: true},
		"install: run a: exit status 255: judge: exit status 1":           {skip: true},
	} {
		if skip, err := Judged(errors.New(text)); skip != want.skip || (err != nil) != want.fails {
			t.Errorf("%s: skip %v, %v", text, skip, err)
		}
	}
}
