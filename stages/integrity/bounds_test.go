package integrity

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	list := filepath.Join(t.TempDir(), "packages.json")
	if err := os.WriteFile(list, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(list, maxList+1); err != nil { // takes no space
		t.Fatal(err)
	}
	if _, err := readFile(list); err == nil || !strings.Contains(err.Error(), "packages.json has more than 64 MiB") {
		t.Errorf("a list: %v", err)
	}
	if got, err := bounded(strings.NewReader("12345"), "dist", 5); err != nil || string(got) != "12345" {
		t.Errorf("at the limit: %q, %v", got, err)
	}
}
