package nightly

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/stages"
)

// A proofFile is a test installation as another machine is told of it: what was proven,
// and of which bytes. One is written for each cell, and nothing else is published than
// what all of them are of.
type proofFile struct {
	Format int `json:"format"` // proofFormat
	// Snapshot is the digest of the snapshot's folder.
	Snapshot     pipeline.Digest     `json:"snapshot"`
	Installation stages.Installation `json:"installation"`
}

const (
	proofFormat    = 1
	proofExtension = ".proof.json"
)

// WriteProofs writes what was proven to a folder, for ProveOptions.Proofs of another
// machine.
func WriteProofs(dir string, made Result) error {
	if len(made.Installations) == 0 {
		return nil
	}
	for _, installation := range made.Installations {
		p := proofFile{Format: proofFormat, Snapshot: made.Snapshot.Tree.Digest, Installation: installation}
		p.Installation.Report = pipeline.Tree{} // a place in this machine's store
		data, err := pipeline.EncodeJSON(p, "  ")
		if err != nil {
			return err
		}
		name := cmp.Or(installation.Cell.Name(), "cell")
		if !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`) {
			return fmt.Errorf("cell %q: a proof cannot have that name", name)
		}
		if err := files.Replace(filepath.Join(dir, name+proofExtension), data); err != nil {
			return err
		}
	}
	return nil
}

// elsewhere takes the proofs of a folder in place of an installation here. Every cell of
// the matrix has to be among them, proven as far as is asked for, with these very bytes.
func (p *proving) elsewhere(ctx context.Context) (proof Proof, err error) {
	err = pipeline.Do(ctx, p.Session(), "install", func(ctx context.Context) (string, error) {
		cells, err := Cells(ctx, p.Runner, p.plan, p.snapshot, p.options)
		if err != nil {
			return "", err
		}
		proof.Installations, err = takeProofs(p.options.Proofs, cells, p.options.level(p.plan), p.snapshot)
		for _, i := range proof.Installations {
			proof.Cells = append(proof.Cells, provenCell(cellResult{cell: i.Cell, state: pipeline.Done, installation: i}, ""))
		}
		return fmt.Sprintf("proven on other machines: %d of %d cells", len(proof.Installations), len(cells)), err
	})
	return proof, err
}

// takeProofs gives the installations of the cells, in their order.
func takeProofs(dir string, cells []releases.Cell, level releases.Level, snapshot stages.Snapshot) ([]stages.Installation, error) {
	found, err := readProofs(dir, snapshot)
	if err != nil {
		return nil, config.Errorf("--proofs: %w", err)
	}
	var taken []stages.Installation
	var lacking []string
	for _, cell := range cells {
		at := slices.IndexFunc(found, func(i stages.Installation) bool { return i.Cell == cell && i.Level.Includes(level) })
		if at < 0 {
			lacking = append(lacking, cell.Name())
			continue
		}
		taken = append(taken, found[at])
	}
	if len(lacking) > 0 || len(taken) == 0 {
		return nil, &config.Error{Err: fmt.Errorf("--proofs %s: %s is not proven at level %s with %s; run mageos-nightly nightly --until install --write-proofs with each --cell, on the same plan",
			dir, releases.SnapshotName(snapshot.Name).Title(), level, strings.Join(lacking, ", "))}
	}
	return taken, nil
}

// readProofs reads all proofs below a folder. One of other bytes is an error: it was made
// of another snapshot, or somebody changed one.
func readProofs(dir string, snapshot stages.Snapshot) ([]stages.Installation, error) {
	var all []stages.Installation
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, proofExtension) {
			return err
		}
		p, err := readProof(file)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", file, err)
		case p.Snapshot != snapshot.Tree.Digest || p.Installation.Snapshot != snapshot.Name:
			return fmt.Errorf("%s: it is of %s with the digest %.12s, and this is %s with %.12s; prove this one",
				file, releases.SnapshotName(p.Installation.Snapshot).Title(), p.Snapshot, snapshot.Name, snapshot.Tree.Digest)
		}
		all = append(all, p.Installation)
		return nil
	})
	return all, err
}

func readProof(file string) (*proofFile, error) {
	data, err := files.Read(file, files.Large)
	if err != nil {
		return nil, err
	}
	var p proofFile
	if err := json.Unmarshal(data, &p, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("it is no proof of this program: %w", err)
	}
	if p.Format != proofFormat {
		return nil, fmt.Errorf("it is of format %d, and this program reads %d; use the program that made it", p.Format, proofFormat)
	}
	return &p, nil
}
