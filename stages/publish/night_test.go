package publish

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

func TestPublishBrokenNight(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*memory, *stages.Night)
		want  string
	}{
		{"damaged dist", func(m *memory, n *stages.Night) { m.spoil(n, "dists/acme/language-1.0.0.zip") }, "damaged"},
		{"damaged metadata", func(m *memory, n *stages.Night) { m.spoil(n, "p2/acme/language.json") }, "damaged"},
		{"dist missing", func(m *memory, n *stages.Night) { m.drop(n, "dists/acme/language-1.0.0.zip") }, "in the manifest but not in the folder"},
		{"manifest missing", func(m *memory, n *stages.Night) { m.drop(n, releases.ManifestName) }, "has no nightly.json"},
		{"tree missing", func(_ *memory, n *stages.Night) { n.Tree.Digest = "" }, "not exist"},
		{"another night's tree", func(_ *memory, n *stages.Night) { n.Name = "2026-11-25" }, "is of night 2026-11-24"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			store := newMemory()
			night := sample{name: "2026-11-24", modules: 1}.build(t, store)
			tt.spoil(store, &night)
			_, err := Stage(options(t, store, night.Name)).Run(t.Context(), stages.Release{Night: night, To: dir})
			wantError(t, err, tt.want, "--fresh")
			if _, err := os.Stat(filepath.Join(dir, stages.PackagesFile)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("it was published (%v)", err)
			}
		})
	}
}

// spoil changes the stored content of a file; drop takes a file out of the tree.
func (m *memory) spoil(n *stages.Night, name string) {
	for _, f := range m.trees[n.Tree.Digest] {
		if f.Path == name {
			m.contents[f.Digest] = []byte("spoiled")
		}
	}
}

func (m *memory) drop(n *stages.Night, name string) {
	m.trees[n.Tree.Digest] = slices.DeleteFunc(m.trees[n.Tree.Digest], func(f pipeline.File) bool { return f.Path == name })
}
