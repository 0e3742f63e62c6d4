package publish

import (
	"os"
	"path/filepath"
	"testing"
)

// TestHollowFolders publishes after a run that was killed when it had removed all
// files of a night and of its metadata, but not yet their folders.
func TestHollowFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustPublish(t, sample{name: "2026-11-23", modules: 1}, dir, nil)
	hollow := []string{"nights/2026-11-20/p2/acme", "nights/2026-11-21", "meta/0123abcd/acme"}
	for _, name := range hollow {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mustPublish(t, sample{name: "2026-11-24", modules: 1}, dir, nil)
	for _, name := range []string{"nights/2026-11-20", "nights/2026-11-21", "meta/0123abcd"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
	if err := noLeftovers(t.Context(), folderTarget(dir), 2); err != nil {
		t.Error(err)
	}
}
