package target

import (
	"context"
	"io"
	"path"
	"strings"
	"testing"
)

// A hostile target lists folders without end, and its files have none.
type hostile struct{ Target }

func (hostile) String() string { return "hostile" }

func (hostile) List(_ context.Context, dir string) ([]Entry, error) {
	return []Entry{{Name: path.Join(dir, "deeper"), Dir: true}}, nil
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func (hostile) Open(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(endless{}), nil
}

func TestBounds(t *testing.T) {
	if _, err := Walk(t.Context(), hostile{}, "."); err == nil || !strings.Contains(err.Error(), "no repository") {
		t.Errorf("folders without end: %v", err)
	}
	if testing.Short() {
		t.Skip("takes half a gigabyte")
	}
	if _, err := Read(t.Context(), hostile{}, "packages.json"); err == nil || !strings.Contains(err.Error(), "packages.json of hostile: it is longer than") {
		t.Errorf("a file without end: %v", err)
	}
}
