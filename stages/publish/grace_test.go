package publish

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/releases"
)

// TestGraceOfCurrentMetadata publishes after a rollback that was killed when clients
// were led back to metadata already, but the time since when that had been superseded
// still stood there: what clients are led to gets its whole grace period from now on.
func TestGraceOfCurrentMetadata(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustPublish(t, sample{name: "2026-11-20", modules: 1}, dir, nil)
	s, err := switchOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	current := strings.Split(s.MetadataURL, "/")[5]
	since, err := encode(map[string]time.Time{current: time.Date(2026, 11, 20, 4, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, supersededFile), since, 0o644); err != nil {
		t.Fatal(err)
	}
	mustPublish(t, sample{name: "2026-11-24", modules: 1}, dir, nil)
	for _, name := range []string{releases.IndexName, "acme/module-000.json"} {
		if _, err := os.Stat(filepath.Join(dir, metaDir, current, name)); err != nil {
			t.Errorf("a client that started before the switch misses a file: %v", err)
		}
	}
	times, err := readSuperseded(t.Context(), folderTarget(dir))
	if got, want := times[current], time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC); err != nil || !got.Equal(want) {
		t.Errorf("superseded since %s, want %s (%v)", got, want, err)
	}
}
