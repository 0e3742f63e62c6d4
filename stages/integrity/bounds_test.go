package integrity

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases/composer"
)

// A dist that says to unpack to more than any package has is refused before it is
// read, and so are a list and a dist of no end.
func TestBounds(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"a", "b"} {
		if _, err := z.CreateRaw(&zip.FileHeader{Name: name, UncompressedSize64: 3 << 29}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := zipFiles(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err == nil || !strings.Contains(err.Error(), "its dist is a zip bomb: ") {
		t.Errorf("a zip: %v", err)
	}
	shop := t.TempDir()
	list := filepath.Join(shop, "packages.json")
	if err := os.WriteFile(list, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(list, maxList+1); err != nil { // takes no space
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), shop, composer.NewFetcher(remote.Client{})); err == nil || !strings.Contains(err.Error(), "packages.json has more than 64 MiB") {
		t.Errorf("a list: %v", err)
	}
}
