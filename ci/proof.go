package ci

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// A proof is a test installation as another machine is told of it: what was proven,
// and of which bytes. mageos-nightly nightly --write-proofs writes one for each cell; mageos-nightly publish
// --proofs publishes nothing else than what all of them are of.
type proof struct {
	Format int `json:"format"` // proofFormat
	// Night is the digest of the night's folder.
	Snapshot     pipeline.Digest     `json:"night"`
	Installation stages.Installation `json:"installation"`
}

const proofFormat = 1

// writeProofs writes what was proven to a folder.
func writeProofs(dir string, out *outcome) error {
	if dir == "" || out == nil || len(out.proven) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("--write-proofs: %w", err)
	}
	for _, made := range out.proven {
		p := proof{Format: proofFormat, Snapshot: out.snapshot.Tree.Digest, Installation: made}
		p.Installation.Report = pipeline.Tree{} // a place in this machine's store
		data, err := json.MarshalIndent(p, "", "  ")
		if err != nil {
			return err
		}
		name := made.Cell.Name()
		if name == "" {
			name = "cell"
		}
		if err := writeFile(filepath.Join(dir, name+".proof.json"), append(data, '\n')); err != nil {
			return fmt.Errorf("--write-proofs: %w", err)
		}
	}
	return nil
}

// provenElsewhere takes the proofs of a folder in place of an installation here. Every
// cell of the matrix has to be among them, proven as far as is asked for, with these
// very bytes.
func (c *chain) provenElsewhere(ctx context.Context, plan *releases.Plan, snapshot stages.Snapshot, f installFlags, out *outcome) error {
	c.show.report(pipeline.Report{Stage: "install", State: pipeline.Started})
	all, err := c.cells(ctx, f, plan, snapshot)
	if err == nil {
		out.proven, err = takeProofs(f.proofs, all, f.levelOf(&plan.Line), snapshot)
	}
	if err != nil {
		err = &pipeline.StageError{Stage: "install", Err: err}
		c.show.report(pipeline.Report{Stage: "install", State: pipeline.Failed, Err: err})
		return err
	}
	out.installation = &out.proven[0]
	c.show.report(pipeline.Report{Stage: "install", State: pipeline.Reused, Detail: plural(len(all), "cell") + " proven on other machines"})
	return nil
}

// takeProofs gives the installations of the cells, in their order.
func takeProofs(dir string, cells []releases.Cell, level releases.Level, snapshot stages.Snapshot) ([]stages.Installation, error) {
	found, err := readProofs(dir, snapshot)
	if err != nil {
		return nil, err
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
		return nil, &usageError{fmt.Errorf("--proofs %s: night %s is not proven at level %s with %s; run mageos-nightly nightly --until install --write-proofs with each --cell, on the same plan",
			dir, snapshot.Name, level, strings.Join(lacking, ", "))}
	}
	return taken, nil
}

// readProofs reads all proofs below a folder. One of other bytes is an error: it was
// made of another night, or somebody changed one.
func readProofs(dir string, snapshot stages.Snapshot) ([]stages.Installation, error) {
	var all []stages.Installation
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".proof.json") {
			return err
		}
		p, err := readProof(file)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", file, err)
		case p.Snapshot != snapshot.Tree.Digest || p.Installation.Snapshot != snapshot.Name:
			return fmt.Errorf("%s: it is of night %s with the digest %.12s, and this is %s with %.12s; prove this one",
				file, p.Installation.Snapshot, p.Snapshot, snapshot.Name, snapshot.Tree.Digest)
		}
		all = append(all, p.Installation)
		return nil
	})
	if err != nil {
		return nil, &usageError{fmt.Errorf("--proofs: %w", err)}
	}
	return all, nil
}

func readProof(file string) (*proof, error) {
	data, err := readInput(file)
	if err != nil {
		return nil, err
	}
	var p proof
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return nil, fmt.Errorf("it is no proof of this program: %w", err)
	}
	if p.Format != proofFormat {
		return nil, fmt.Errorf("it is of format %d, and this program reads %d; use the program that made it", p.Format, proofFormat)
	}
	return &p, nil
}
