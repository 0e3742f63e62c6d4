package publish

import (
	"bytes"
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
		spoil func(*memory, *stages.Snapshot)
		want  string
	}{
		{"damaged dist", func(m *memory, n *stages.Snapshot) { m.spoil(n, "dists/acme/language-1.0.0.zip") }, "damaged"},
		{"damaged metadata", func(m *memory, n *stages.Snapshot) { m.spoil(n, "p2/acme/language.json") }, "damaged"},
		{"dist missing", func(m *memory, n *stages.Snapshot) { m.drop(n, "dists/acme/language-1.0.0.zip") }, "in the manifest but not in the folder"},
		{"manifest missing", func(m *memory, n *stages.Snapshot) { m.drop(n, releases.ManifestName) }, "has no nightly.json"},
		{"tree missing", func(_ *memory, n *stages.Snapshot) { n.Tree.Digest = "" }, "not exist"},
		{"a constraint that Composer cannot read", func(m *memory, n *stages.Snapshot) { m.say(n, `"conflict":{"a/b":"~>1"}`) }, `version 1.0.0: no package that Composer loads: conflict a/b`},
		{"a key that is the repository's own", func(m *memory, n *stages.Snapshot) { m.say(n, `"notification-url":"https://evil.example/"`) }, `keys ["notification-url"]`},
		{"another night's tree", func(_ *memory, n *stages.Snapshot) { n.Name = "2026-11-25" }, "is of night 2026-11-24"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			store := newMemory()
			snapshot := sample{name: "2026-11-24", modules: 1}.build(t, store)
			tt.spoil(store, &snapshot)
			_, err := Stage(options(t, store, snapshot.Name)).Run(t.Context(), stages.PublishRequest{Snapshot: snapshot, To: dir})
			wantError(t, err, tt.want, "--fresh")
			if _, err := os.Stat(filepath.Join(dir, stages.PackagesFile)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("it was published (%v)", err)
			}
		})
	}
}

// spoil changes the stored content of a file; drop takes a file out of the tree.
func (m *memory) spoil(n *stages.Snapshot, name string) {
	for _, f := range m.trees[n.Tree.Digest] {
		if f.Path == name {
			m.contents[f.Digest] = []byte("spoiled")
		}
	}
}

// say puts a member into the metadata of a package, as an earlier build may have done.
func (m *memory) say(n *stages.Snapshot, member string) {
	for i, f := range m.trees[n.Tree.Digest] {
		if f.Path == "p2/acme/language.json" {
			data := bytes.Replace(m.contents[f.Digest], []byte(`"type"`), []byte(member+`,"type"`), 1)
			m.trees[n.Tree.Digest][i].Digest = pipeline.DigestOf(data)
			m.contents[pipeline.DigestOf(data)] = data
		}
	}
}

func (m *memory) drop(n *stages.Snapshot, name string) {
	m.trees[n.Tree.Digest] = slices.DeleteFunc(m.trees[n.Tree.Digest], func(f pipeline.File) bool { return f.Path == name })
}
