package ci

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline"
)

// TestTellActions: GitHub Actions gets annotations and a page, to which
// each command adds its verdict.
func TestTellActions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	variables := map[string]string{pageVariable: file, actionsVariable: "true"}
	var stderr bytes.Buffer
	env := &factory{stdout: &stderr, stderr: &stderr, now: time.Now, getenv: func(name string) string { return variables[name] }}
	env.tellActions("mageos-nightly nightly", &pipeline.StageError{Stage: "install", Err: errors.Join(errors.New("first"), errors.New("second"))})
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "**2 problems**, exit code 5:\n\n    install: first\n    second\n") {
		t.Errorf("the page:\n%s", page)
	}
	if got := strings.Count(stderr.String(), "::error title=mageos-nightly nightly::"); got != 2 {
		t.Errorf("%d annotations, want 2:\n%s", got, stderr.String())
	}
	env.tellActions("mageos-nightly clean", nil)
	if again, err := os.ReadFile(file); err != nil || string(again) != string(page)+"## Green\n\nmageos-nightly clean\n\n" {
		t.Errorf("a command that has nothing more to say, %v:\n%s", err, again)
	}
}
