package publish

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// Merged metadata says of each version when its commit was made. What was built does not, and a repository that cannot
// be asked leaves it out.
func TestTimes(t *testing.T) {
	dir, store, s := t.TempDir(), newMemory(), sample{name: "2026-11-24", modules: 1}
	o := options(t, store, s.name)
	var asked []string
	commit := strings.Repeat("a1", 20)
	o.Times = func(_ context.Context, url string, commits []string) (map[string]time.Time, error) {
		asked = append(asked, url)
		if !slices.Equal(commits, []string{commit}) {
			return nil, errors.New("not there")
		}
		return map[string]time.Time{commit: time.Date(2026, 11, 23, 10, 0, 0, 0, time.FixedZone("", 3600))}, nil
	}
	if _, err := Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: s.build(t, store), To: dir}); err != nil {
		t.Fatal(err)
	}
	at := folderTarget(dir)
	times := func(name string) string {
		data, err := target.Read(t.Context(), at, name)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := metadataEntries("acme/module-000", data)
		if err != nil || len(entries) != 1 {
			t.Fatalf("%s: %v", name, err)
		}
		fields, err := composer.ParseFields(entries[0])
		if err != nil {
			t.Fatal(err)
		}
		return fields.Text("time")
	}
	file, err := switchOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := times(metaDir + "/" + file.folder() + "/acme/module-000.json"); got != "2026-11-23T09:00:00Z" || len(asked) != 1 {
		t.Errorf("the merged metadata says %q; asked were %q", got, asked)
	}
	if got := times("nights/2026-11-24/p2/acme/module-000.json"); got != "" {
		t.Errorf("the night's own metadata says %q", got)
	}
	// Published again it keeps what it was merged with.
	o.Times = nil
	if p, err := Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: s.build(t, store), To: dir}); err != nil || p.Added > 0 {
		t.Errorf("published again: %d files are written: %v", p.Added, err)
	}
	// Without its index it is made anew of the night, and is the same.
	if err := at.Remove(t.Context(), []string{metaDir + "/" + file.folder() + "/index.json"}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Withdraw(t.Context(), dir, nil, false); err != nil {
		t.Fatal(err)
	}
	if again, err := switchOf(dir); err != nil || again.folder() != file.folder() {
		t.Errorf("made anew the metadata is %s, and was %s: %v", again.folder(), file.folder(), err)
	}
	if err := whole(dir); err != nil {
		t.Error(err)
	}
}
