package publish

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// A repository that satis itself has made is adopted at each kind of target: with nights after it, and a rollback, all that
// lay there is as it was; and it is given back as it was.
func TestAdoptSatis(t *testing.T) {
	dir, url := os.Getenv("NIGHTLY_SATIS"), os.Getenv("NIGHTLY_SATIS_URL")
	if dir == "" || url == "" {
		t.Skip("needs a repository that satis has made: a folder as NIGHTLY_SATIS, and its URL as NIGHTLY_SATIS_URL")
	}
	for _, kind := range []string{"folder", "sftp", "s3"} {
		t.Run(kind, func(t *testing.T) {
			p := spots[kind](t)
			at := p.open(t)
			before := lay(t, at, readFolder(t, dir))
			o := adoptOptions(p)
			adopt := func() {
				t.Helper()
				found, err := o.Adopt(t.Context(), Adoption{To: p.url, URL: url})
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%d packages, %d versions, %d dists, %d other files; elsewhere %v; %d notes", found.Packages, found.Versions, found.Dists, found.Kept, found.Elsewhere, len(found.Notes))
			}
			adopt()
			if _, err := o.Unadopt(t.Context(), p.url, false); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{}, changed(before, filesAt(t, at))); diff != "" {
				t.Fatalf("it was not given back as it was:\n%s", diff)
			}
			adopt()
			store := newMemory()
			for _, night := range []releases.SnapshotName{"2026-11-25", "2026-11-26"} {
				o := options(t, store, night)
				o.Target = p.options()
				if _, err := Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: sample{name: night, modules: 3}.build(t, store), To: p.url, URL: url}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := o.Rollback(t.Context(), Rollback{To: p.url, Snapshot: "2026-11-25"}); err != nil {
				t.Fatal(err)
			}
			after := filesAt(t, at)
			if diff := cmp.Diff([]string{"index.html", "packages.json"}, changed(before, after)); diff != "" {
				t.Errorf("files of before that are not as they were:\n%s", diff)
			}
			if s, err := readSwitch(t.Context(), at); err != nil || len(s.Nightly.Snapshots) != 2 || !isAdoption(s.Nightly.Snapshots[1]) {
				t.Errorf("it resolves %v: %v", s.Nightly.Snapshots, err)
			}
			t.Logf("%d files of before, %d now", len(before), len(after))
		})
	}
}
