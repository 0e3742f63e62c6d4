package publish

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/trust"
	"github.com/mage-os/nightly/stages/trust/trusttest"
)

// What rebuilders say lies beside the snapshot, signed, is told on the page, stays with the next publish, and is copied.
func TestRebuilt(t *testing.T) {
	t.Parallel()
	w := startWeb(t, true)
	w.publish(t, "2026-11-23")
	w.publish(t, "2026-11-24")
	ann, annsKey := trusttest.Rebuilder(t, "ann")
	bob, bobsKey := trusttest.Rebuilder(t, "bob")
	_, evesKey := trusttest.Rebuilder(t, "eve")
	o := options(t, nil, "2026-11-24")
	o.Trust, o.Rebuilders = w.by, trust.Rebuilders{ann, bob}
	says := func(key *trust.Key, night releases.SnapshotName, differs ...string) []byte {
		t.Helper()
		m, data, err := Read(folderTarget(w.dir)).Manifest(t.Context(), night)
		if night == "2026-11-30" {
			data = []byte("a night that was never published")
			m, err = &releases.Manifest{Snapshot: night}, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		statement, err := attest.Rebuilt(m, data, differs, attest.Builder{})
		if err == nil {
			statement, err = key.Envelope(t.Context(), statement)
		}
		if err != nil {
			t.Fatal(err)
		}
		return statement
	}
	before := listing(t, w.dir)
	for _, test := range []struct {
		envelope []byte
		want     string
	}{
		{says(evesKey, "2026-11-24"), "it is signed by none of the rebuilders"},
		{says(annsKey, "2026-11-30"), "it is of [ann], and of no snapshot that"},
	} {
		if _, err := o.Rebuilt(t.Context(), w.dir, [][]byte{test.envelope}, false); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %q", err, test.want)
		}
	}
	if after := listing(t, w.dir); len(after) != len(before) {
		t.Error("the repository has changed")
	}
	page := func() string {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(w.dir, pageFile))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for _, test := range []struct {
		envelopes [][]byte
		want      string
		lines     int
	}{
		{[][]byte{says(annsKey, "2026-11-24"), says(annsKey, "2026-11-24")}, "rebuilt by 1 of 2", 1},
		{[][]byte{says(annsKey, "2026-11-23"), says(bobsKey, "2026-11-24", "nightly.json")}, "bob built other bytes", 2},
		{[][]byte{says(bobsKey, "2026-11-24")}, "rebuilt by 2 of 2", 2},
	} {
		if _, err := o.Rebuilt(t.Context(), w.dir, test.envelopes, false); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(w.dir, "nights/2026-11-24", attest.RebuiltFile))
		if err != nil || len(attest.Envelopes(data)) != test.lines || !strings.Contains(page(), test.want) {
			t.Errorf("%d lines, and %q is not on the page: %v", len(attest.Envelopes(data)), test.want, err)
		}
	}
	c := w.copy(t)
	if _, err := copied(t, c, dayOf("2026-11-24").Add(5*time.Hour)); err != nil {
		t.Fatal(err)
	}
	// The same night again, and the next one: what was said stays, and signed.
	w.publish(t, "2026-11-24")
	w.publish(t, "2026-11-25")
	for _, dir := range []string{w.dir, c.To} {
		r, err := trust.Open(t.Context(), folderTarget(dir), trust.ClientOptions{Root: c.Client.Root, Now: trusttest.Made})
		if err != nil {
			t.Fatal(err)
		}
		for _, night := range []string{"nights/2026-11-23/", "nights/2026-11-24/"} {
			data, err := os.ReadFile(filepath.Join(dir, night, attest.RebuiltFile))
			f := r.Target(night + attest.RebuiltFile)
			if night == "nights/2026-11-23/" && dir == w.dir && errors.Is(err, os.ErrNotExist) {
				continue // given up
			}
			if err != nil || f == nil || trust.Sum(f) != pipeline.DigestOf(data) {
				t.Errorf("%s%s is not signed as it lies there: %v", night, attest.RebuiltFile, err)
			}
		}
	}
}
