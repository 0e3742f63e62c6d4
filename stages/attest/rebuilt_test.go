package attest

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/trust"
	"github.com/mage-os/nightly/stages/trust/trusttest"
)

// A rebuilder counts once, for the snapshot that was rebuilt, and nobody else does; who saw other bytes is told.
func TestCountRebuilds(t *testing.T) {
	var who trust.Rebuilders
	keys := map[string]*trust.Key{}
	for _, name := range []string{"ann", "bob", "cid", "eve"} {
		r, key := trusttest.Rebuilder(t, name)
		if keys[name] = key; name != "eve" {
			who = append(who, r)
		}
	}
	manifest := &releases.Manifest{Snapshot: "2026-11-24", Packages: []releases.ManifestPackage{
		{Name: "acme/shop", Version: "1.0.0", Dist: &releases.ManifestDist{Path: "dists/acme/shop-1.0.0.zip", SHA256: pipeline.DigestOf([]byte("zip"))}},
	}}
	data := []byte("this manifest")
	says := func(by string, data []byte, differs ...string) []byte {
		t.Helper()
		statement, err := Rebuilt(manifest, data, differs, Builder{})
		if err != nil {
			t.Fatal(err)
		}
		envelope, err := keys[by].Envelope(t.Context(), statement)
		if err != nil {
			t.Fatal(err)
		}
		return envelope
	}
	provenance, err := statement(ProvenanceType, snapshotSubjects(manifest, data), nil)
	if err == nil {
		provenance, err = keys["ann"].Envelope(t.Context(), provenance)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name      string
		lines     [][]byte
		by        string
		differ    map[string][]string
		uncounted string // parts, in order
	}{
		{"nobody", nil, "", nil, ""},
		{"two of three", [][]byte{says("bob", data), says("ann", data)}, "ann bob", nil, ""},
		{"one, twice", [][]byte{says("ann", data), says("ann", data)}, "ann", nil, ""},
		{"a stranger's key", [][]byte{says("eve", data), says("ann", data)}, "ann", nil, "line 1 is signed by none of the rebuilders"},
		{"another's name", [][]byte{bytes.Replace(says("eve", data), []byte(keys["eve"].ID), []byte(keys["ann"].ID), 1)}, "", nil, "line 1 is signed by none"},
		{"another snapshot", [][]byte{says("ann", []byte("that manifest"))}, "", nil, "line 1, of [ann], is of another snapshot"},
		{"other bytes", [][]byte{says("ann", data), says("bob", data, "dists/acme/shop-1.0.0.zip")}, "ann", map[string][]string{"bob": {"dists/acme/shop-1.0.0.zip"}}, ""},
		{"first the same bytes, then others", [][]byte{says("ann", data), says("ann", data, "nightly.json")}, "", map[string][]string{"ann": {"nightly.json"}}, ""},
		{"another statement", [][]byte{provenance}, "", nil, "line 1 says nothing of a rebuild"},
		{"no envelope", [][]byte{[]byte("{}\n"), []byte("x\n"), says("cid", data)}, "cid", nil, "line 1 is no envelope|line 2 is no envelope"},
		{"a statement that was changed", [][]byte{changedPayload(says("ann", data))}, "", nil, "line 1 is signed by none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := CountRebuilds(t.Context(), slices.Concat(test.lines...), pipeline.DigestOf(data), who)
			differ := test.differ
			if differ == nil {
				differ = map[string][]string{}
			}
			if diff := cmp.Diff(differ, got.Differ); diff != "" || strings.Join(got.By, " ") != test.by || got.Of != 3 {
				t.Errorf("%+v, want by %q\n%s", got, test.by, diff)
			}
			var want []string
			if test.uncounted != "" {
				want = strings.Split(test.uncounted, "|")
			}
			if !slices.EqualFunc(got.Uncounted, want, strings.HasPrefix) {
				t.Errorf("uncounted: %q, want %q", got.Uncounted, want)
			}
		})
	}
}

// changedPayload is an envelope with another letter in its payload.
func changedPayload(envelope []byte) []byte {
	at := bytes.Index(envelope, []byte(`"payload":"`)) + 60
	changed := slices.Clone(envelope)
	changed[at] ^= 1
	return changed
}
