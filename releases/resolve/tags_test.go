package resolve

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/lines"
)

func tagPlan(t *testing.T, refs ...releases.Ref) (*releases.Plan, error) {
	t.Helper()
	line, err := lines.Parse("line.yaml", []byte(`
name: mirror
vendor: magento
url: https://mirror.example.org/
versions: {policy: tags, skip-tags: ["x*"]}
composer-repositories: []
repositories:
  - name: shop
    url: https://example.org/shop.git
    from: 1.0.0
    extra-tags: [{tag: 1.0.1, commit: cccccccccccccccccccccccccccccccccccccccc, reason: forgotten}]
    packages: [{directory: .}]
`))
	if err != nil {
		t.Fatal(err)
	}
	r := Options{Lister: &server{repositories: map[string][]releases.Ref{"https://example.org/shop.git": refs}}, Fetcher: composer.NewFetcher(remote.Client{})}
	return Line(context.Background(), r, line, "2026-11-26")
}

func tagRef(tag, c string) releases.Ref { return ref("refs/tags/"+tag, commitID(c)) }

func TestResolveTags(t *testing.T) {
	p, err := tagPlan(t, ref("refs/heads/main", commitID("a")), tagRef("1.0.0-p2", "b"), tagRef("1.0.0", "d"), tagRef("0.9.0", "e"),
		tagRef("develop", "f"), tagRef("x2.0.0", "1"), tagRef("v1.1.0", "2"), tagRef("1.0.0-p10", "3"), tagRef("1.1.0-beta1", "4"))
	if err != nil {
		t.Fatal(err)
	}
	want := []releases.PlannedTag{
		tag("1.0.0", "d"), tag("1.0.0-p2", "b"), tag("1.0.0-p10", "3"), tag("1.0.1", "c"),
		tag("1.1.0-beta1", "4"), tag("v1.1.0", "2"),
	}
	if diff := cmp.Diff(want, p.Repositories[0].Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	notes := strings.Join(p.Repositories[0].Notes, "\n")
	for _, part := range []string{"older than 1.0.0: 0.9.0", "no version of a release: develop", "skip-tags x*: x2.0.0"} {
		if !strings.Contains(notes, part) {
			t.Errorf("notes %q: want %q", notes, part)
		}
	}
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := releases.ParsePlan(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, again); diff != "" {
		t.Errorf("after a round trip (-before +after):\n%s", diff)
	}
}

func TestResolveNoTags(t *testing.T) {
	line := "no tag of it is a release from 1.0.0 on"
	_, err := tagPlan(t, tagRef("0.1.0", "a"))
	if err != nil {
		t.Fatalf("%v; the extra tag is one", err)
	}
	r := releases.Repository{Name: "shop", From: "1.0.0"}
	if _, err := planTags(r, listing{refs: []releases.Ref{tagRef("0.1.0", "a")}}, nil); err == nil || !strings.Contains(err.Error(), line) {
		t.Errorf("%v, want %q", err, line)
	}
}

// TestContinue: what is published is not built again, whatever became of its tag.
func TestContinue(t *testing.T) {
	before, err := tagPlan(t, tagRef("1.0.0", "a"), tagRef("1.1.0", "b"))
	if err != nil {
		t.Fatal(err)
	}
	after, err := tagPlan(t, tagRef("1.0.0", "d"), tagRef("1.2.0", "e")) // moved, deleted, new
	if err != nil {
		t.Fatal(err)
	}
	after.Prebuilt = []releases.PlannedZip{{Name: "a/b", Version: "1.0"}, {Name: "a/b", Version: "1.1"}}
	snapshot := &releases.Manifest{Snapshot: "2026-11-25", Plan: *before}
	other := &releases.Manifest{Snapshot: "2026-11-24", Plan: releases.Plan{Line: releases.Line{Name: "nightly"}}}
	adopted := &releases.Manifest{Snapshot: "adopted-2026-11-20"}
	sum := pipeline.DigestOf([]byte("x"))
	Continue(after, &releases.Index{
		Snapshots: []releases.IndexedSnapshot{snapshot.Indexed(sum), other.Indexed(sum), adopted.Indexed(sum)},
		Files: []releases.IndexedFile{{Name: "a/b", Versions: []releases.IndexedVersion{
			{Version: "1.1", SHA256: sum, Snapshots: []releases.SnapshotName{other.Snapshot}}, {Version: "1.0", SHA256: sum, Snapshots: []releases.SnapshotName{snapshot.Snapshot}},
		}}},
	})
	if diff := cmp.Diff([]releases.PlannedTag{tag("1.2.0", "e")}, after.Repositories[0].Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]releases.PlannedZip{{Name: "a/b", Version: "1.1"}}, after.Prebuilt); diff != "" {
		t.Errorf("zips (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]releases.Continued{{Snapshot: "2026-11-25", SHA256: sum}, {Snapshot: "adopted-2026-11-20", SHA256: sum}}, after.After); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}
	if notes := strings.Join(after.Repositories[0].Notes, "\n"); !strings.Contains(notes, "tag 1.0.0 was moved from aaaaaaaaaaaa to dddddddddddd") {
		t.Errorf("notes %q: want the moved tag", notes)
	}
	if after.Pending() != 2 {
		t.Errorf("%d pending, want a tag and a zip", after.Pending())
	}
}

func TestOnly(t *testing.T) {
	for _, c := range []struct {
		only []string
		want []releases.PlannedTag
		err  string
	}{
		{[]string{"1.1.0"}, []releases.PlannedTag{tag("1.1.0", "b")}, ""},
		{[]string{"shop=1.0.0", "1.1.0"}, []releases.PlannedTag{tag("1.0.0", "a"), tag("1.1.0", "b")}, ""},
		{[]string{"other=1.0.0", "1.1.0"}, nil, "other=1.0.0: no repository"},
	} {
		p, err := tagPlan(t, tagRef("1.0.0", "a"), tagRef("1.1.0", "b"))
		if err != nil {
			t.Fatal(err)
		}
		err = Only(p, c.only)
		if c.err != "" {
			var bad *config.Error
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%v: %v, want a *config.Error with %q", c.only, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, p.Repositories[0].Tags); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.only, diff)
		}
	}
}
