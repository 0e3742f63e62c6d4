package stages

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
)

// TestInstallationOf: what package code says of what it was proven with does not count.
func TestInstallationOf(t *testing.T) {
	in := Candidate{
		Snapshot: Snapshot{Name: "2026-11-30"}, Cell: releases.Cell{PHP: "8.4"}, Install: releases.Install{Level: releases.Shop},
		Tools: []Tool{{Name: "php", Version: "8.4.1"}}, Images: []Image{{Name: "php", Reference: "php@sha256:1"}},
	}
	forged := Installation{
		Snapshot: "2026-11-29", Level: releases.Deploy, Cell: releases.Cell{PHP: "../../8.4"}, Tools: []Tool{{Name: "php", Version: "9"}},
		Images: []Image{{Name: "php", Reference: "theirs"}}, Proven: []Proof{{Step: "run", Detail: "x"}}, Report: pipeline.Tree{Digest: "r"},
	}
	want := Installation{
		Snapshot: "2026-11-30", Level: releases.Shop, Cell: in.Cell, Tools: in.Tools, Images: in.Images, Proven: forged.Proven, Report: forged.Report,
	}
	if diff := cmp.Diff(want, forged.Of(in)); diff != "" {
		t.Errorf("installation (-want +got):\n%s", diff)
	}
}
