package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/checkout"
)

// Only what a tag holds leaves it out: what the next try may find otherwise ends the run,
// since the first tag that has a version counts for ever.
func TestLeftOut(t *testing.T) {
	tag := stages.Tag{Pin: stages.Pin{Name: "tool", URL: "https://example.org/tool", Tag: "1.0.0", Commit: "c0ffee"}}
	source := func(err error) error {
		return fmt.Errorf("tag 1.0.0 of repository tool: %w", &releases.SourceError{Repository: "tool", URL: tag.Pin.URL, Err: err})
	}
	content := &checkout.ContentError{Err: errors.Join(errors.New("one"), errors.New("two"))}
	for _, tt := range []struct {
		name string
		err  error
		want []string
	}{
		{"nothing", nil, nil},
		{"a server that is away", source(errors.New("timeout")), nil},
		{"a full disk", &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, nil},
		{"an end by hand", fmt.Errorf("stop: %w", context.Canceled), nil},
		{"a fault of the program", fmt.Errorf("%w: nil map", pipeline.ErrPanic), nil},
		{"a package", errors.New("package acme/a: no name"), []string{"package acme/a: no name"}},
		{"names in the commit", source(fmt.Errorf("commit c0ffee: %w", content)), []string{"one", "two"}},
		{"an object that is nowhere", source(&checkout.ContentError{Err: &fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}}), []string{"open x: no such file or directory"}},
	} {
		var want []releases.Note
		for _, what := range tt.want {
			want = append(want, releases.Note{LeftOut: true, What: what + "; to build them no more, name them in skip-tags of the release line"})
		}
		if diff := cmp.Diff(want, leftOut(tag, tt.err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
