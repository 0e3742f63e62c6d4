package nightly

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/stages"
)

// A night is published on the proofs of other machines only if all are there, of it.
func TestProofs(t *testing.T) {
	snapshot := stages.Snapshot{Name: "2026-11-24", Tree: pipeline.Tree{Digest: pipeline.DigestOf([]byte("night"))}}
	one, two := releases.Cell{PHP: "8.3", Database: "mariadb:11.4"}, releases.Cell{PHP: "8.4", Database: "mariadb:11.4"}
	made := func(cell releases.Cell, level releases.Level) stages.Installation {
		return stages.Installation{Snapshot: snapshot.Name, Level: level, Cell: cell, Proven: []stages.Proof{{Step: "storefront"}}}
	}
	whole := []stages.Installation{made(one, releases.Shop), made(two, releases.Deploy)}
	for name, c := range map[string]struct {
		proven  []stages.Installation
		change  func(*proofFile)
		wantErr string
	}{
		"all":             {proven: whole},
		"none":            {wantErr: "is not proven at level shop with php8.3-mariadb11.4, php8.4-mariadb11.4"},
		"one is missing":  {proven: whole[1:], wantErr: "with php8.3-mariadb11.4;"},
		"too little":      {proven: []stages.Installation{whole[0], made(two, releases.Setup)}, wantErr: "with php8.4-mariadb11.4;"},
		"of other bytes":  {proven: whole, change: func(p *proofFile) { p.Snapshot = pipeline.DigestOf([]byte("other")) }, wantErr: "it is of night 2026-11-24 with the digest "},
		"of another day":  {proven: whole, change: func(p *proofFile) { p.Installation.Snapshot = "2026-11-23" }, wantErr: "it is of night 2026-11-23 "},
		"another format":  {proven: whole, change: func(p *proofFile) { p.Format = 2 }, wantErr: "it is of format 2, and this program reads 1"},
		"of another cell": {proven: []stages.Installation{whole[0], made(releases.Cell{PHP: "8.4", Database: "mysql:8.4"}, releases.Shop)}, wantErr: "with php8.4-mariadb11.4;"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			made := Result{Snapshot: &snapshot, Proof: Proof{Installations: c.proven}}
			if err := WriteProofs(filepath.Join(dir, "proof-of-a-job"), made); err != nil {
				t.Fatal(err)
			}
			if c.change != nil {
				changeProofs(t, dir, c.change)
			}
			got, err := takeProofs(dir, []releases.Cell{one, two}, releases.Shop, snapshot)
			if c.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), c.wantErr) || !isConfig(err) {
					t.Errorf("got %v, want %q", err, c.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(whole, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := takeProofs(filepath.Join(t.TempDir(), "none"), []releases.Cell{one}, releases.Shop, snapshot); !isConfig(err) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func isConfig(err error) bool {
	var config *config.Error
	return errors.As(err, &config)
}

func changeProofs(t *testing.T, dir string, change func(*proofFile)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.proof.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		p, err := readProof(file)
		if err != nil {
			t.Fatal(err)
		}
		change(p)
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
