package main

import (
	"bytes"
	"io"
	"testing"

	"github.com/rhysd/actionlint"
)

// The workflows are as actionlint wants them.
func TestWorkflowsLint(t *testing.T) {
	var out bytes.Buffer
	linter, err := actionlint.NewLinter(&out, &actionlint.LinterOptions{LogWriter: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := linter.LintRepository("..")
	if err != nil {
		t.Fatal(err)
	}
	if len(problems) > 0 {
		t.Error(out.String())
	}
}
