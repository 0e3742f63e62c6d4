package publish

import (
	"context"
	"encoding/json"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

const advisory = `{"id": "GHSA-1", "summary": "Code runs", "published": "2026-11-01T10:00:00Z",
	"affected": [{"package": {"ecosystem": "Packagist", "name": "acme/language"}, "versions": ["1.0.0"]}, {"package": {"ecosystem": "Packagist", "name": "acme/other"}, "versions": ["1.0.0"]}]}`

// saidOf is what Composer reads of a package beside its versions, and what packages.json says of it.
func saidOf(t *testing.T, dir, pkg string) (said composer.Said, root saidConfig) {
	t.Helper()
	s, err := switchOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	data, err := target.Read(t.Context(), folderTarget(dir), path.Join(metaDir, s.folder(), pkg+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &said); err != nil {
		t.Fatal(err)
	}
	return said, s.saidConfig
}

func TestSaid(t *testing.T) {
	dir, text := t.TempDir(), advisory
	night := func(name releases.SnapshotName) error {
		store := newMemory()
		o := options(t, store, name)
		o.Fetch = func(_ context.Context, url string) ([]byte, error) { return []byte(text), nil }
		s := sample{name: name, modules: 1, line: func(l *releases.Line) { l.Advisories = "https://example.org/advisories.json" }}
		_, err := Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: s.build(t, store), To: dir})
		return err
	}
	if err := night("2026-11-24"); err != nil {
		t.Fatal(err)
	}
	said, root := saidOf(t, dir, "acme/language")
	if len(said.Advisories) != 1 || said.Advisories[0].Affected != "==1.0.0" || said.Filter != nil || root.Advisories == nil || !root.Advisories.Metadata || root.Filter != nil {
		t.Errorf("advisories: %+v, %+v", said, root)
	}
	if said, _ = saidOf(t, dir, "acme/module-000"); !said.IsZero() {
		t.Errorf("of another package: %+v", said)
	}
	if err := night("2026-11-25"); err != nil {
		t.Fatal(err)
	}
	o := options(t, nil, "2026-11-25")
	if _, err := o.Rollback(t.Context(), Rollback{To: dir, Snapshot: "2026-11-24"}); err != nil {
		t.Fatal(err)
	}
	want := composer.Said{Filter: map[string][]composer.FilterEntry{"withdrawn": {{Constraint: "==2.4.8.0-alpha20261125", Reason: "night 2026-11-25 was withdrawn"}}}}
	said, root = saidOf(t, dir, "acme/module-000")
	if diff := cmp.Diff(want, said); diff != "" || root.Filter == nil || !root.Filter.Lists["withdrawn"]["enabled"] {
		t.Errorf("a night that was taken back: %+v\n%s", root, diff)
	}
	if said, _ = saidOf(t, dir, "acme/language"); len(said.Advisories) != 1 || said.Filter != nil {
		t.Errorf("what is still resolved, after a rollback: %+v", said)
	}
	if _, err := o.Withdraw(t.Context(), dir, []string{"acme/language 1.0.0"}, false); err != nil {
		t.Fatal(err)
	}
	if said, _ = saidOf(t, dir, "acme/language"); len(said.Advisories) != 1 || said.Filter["withdrawn"][0].Constraint != "==1.0.0.0" {
		t.Errorf("a version that was withdrawn: %+v", said)
	}
	// Published again: the night is no longer withdrawn, and the advisory is gone.
	text = "[]"
	if err := night("2026-11-25"); err != nil {
		t.Fatal(err)
	}
	if said, root = saidOf(t, dir, "acme/module-000"); !said.IsZero() || root.Advisories != nil {
		t.Errorf("published again: %+v, %+v", said, root)
	}
	if err := whole(dir); err != nil {
		t.Error(err)
	}
	text = "{}"
	if err := night("2026-11-26"); err == nil || !strings.Contains(err.Error(), "https://example.org/advisories.json: ") {
		t.Errorf("advisories that cannot be read: %v", err)
	}
}
