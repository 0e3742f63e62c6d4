package build

import (
	"archive/zip"
	"context"
	"testing"

	"github.com/mage-os/nightly/pipeline"
)

// readZip gives a dist as Go's own library reads it.
func readZip(tb testing.TB, s pipeline.Reader, d packed) *zip.Reader {
	tb.Helper()
	content, err := s.Open(context.Background(), d.File.Digest)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { content.Close() })
	r, err := zip.NewReader(content, d.File.Size)
	if err != nil {
		tb.Fatalf("read %s: %v", d.File.Path, err)
	}
	return r
}
