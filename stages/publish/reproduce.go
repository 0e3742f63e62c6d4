package publish

import (
	"context"
	"errors"
	"fmt"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/diff"
)

// A Reproduction is the outcome of comparing a snapshot that was built here (ours)
// with one that was published (theirs).
type Reproduction struct {
	Snapshot    releases.SnapshotName `json:"snapshot"`
	Files       int                   `json:"files"` // compared
	Bytes       int64                 `json:"bytes"` // of those
	Differences []diff.Difference     `json:"differences"`
}

// Reproduced compares a snapshot that was built here with a published one, whose
// nightly.json it is given. With a repository it reads every published file and compares
// them byte by byte; without one, by the SHA-256 in the manifest.
func Reproduced(ctx context.Context, store pipeline.Reader, here stages.Snapshot, manifest []byte, r *Repository) (*Reproduction, error) {
	m, err := releases.ParseManifest(manifest)
	if err != nil {
		return nil, err
	}
	built, err := store.Files(ctx, here.Tree)
	if err != nil {
		return nil, fmt.Errorf("read the snapshot that was built: %w", err)
	}
	c := &reproduction{store: store, manifest: manifest, repository: r, snapshot: m.Snapshot}
	if r != nil {
		s, err := readSwitch(ctx, r.source)
		if err != nil {
			return nil, err
		}
		c.base = s.Nightly.URL
	}
	ours := make(map[string]pipeline.File, len(built))
	for _, f := range built {
		ours[f.Path] = f
	}
	out := &Reproduction{Snapshot: m.Snapshot, Differences: []diff.Difference{}}
	for _, p := range diff.Pairs(filesOf(m, manifest), ours) {
		detail := ""
		if p.What == diff.Content {
			if detail, err = c.compare(ctx, p); err != nil {
				return nil, fmt.Errorf("compare %s: %w", p.Key, err)
			}
		}
		if p.What != diff.Content || detail != "" {
			out.Differences = append(out.Differences, diff.Difference{Path: p.Key, What: p.What, Detail: detail})
		}
		out.Files++
		out.Bytes += max(p.Ours.Size, p.Theirs.Size)
	}
	return out, nil
}

// filesOf are all files of a snapshot by its manifest.
func filesOf(m *releases.Manifest, manifest []byte) map[string]pipeline.File {
	files := map[string]pipeline.File{
		releases.ManifestName: {Path: releases.ManifestName, Size: int64(len(manifest)), Digest: pipeline.DigestOf(manifest)},
	}
	for _, f := range m.Files {
		files[f.Path] = pipeline.File{Path: f.Path, Size: f.Size, Digest: f.SHA256}
	}
	for _, p := range m.Packages {
		files[p.Dist.Path] = pipeline.File{Path: p.Dist.Path, Size: p.Dist.Size, Digest: p.Dist.SHA256}
	}
	return files
}

// A reproduction compares file by file.
type reproduction struct {
	store      pipeline.Reader
	manifest   []byte // theirs
	repository *Repository
	base       string // of the repository
	snapshot   releases.SnapshotName
}

// compare returns an empty detail for a file that is the same.
func (c *reproduction) compare(ctx context.Context, p diff.Pair[pipeline.File]) (string, error) {
	if c.repository == nil && p.Key != releases.ManifestName {
		if p.Ours.Digest == p.Theirs.Digest {
			return "", nil
		}
		return fmt.Sprintf("theirs: %d bytes, SHA-256 %s\nours:   %d bytes, SHA-256 %s\ngive the URL of the published snapshot to see what differs", p.Theirs.Size, p.Theirs.Digest, p.Ours.Size, p.Ours.Digest), nil
	}
	ours, err := readAll(ctx, c.store, p.Ours)
	if err != nil {
		return "", err
	}
	if p.Key == releases.ManifestName {
		return diff.File(p.Key, c.manifest, ours), nil
	}
	if ours, err = place(p.Key, ours, c.base, c.snapshot); err != nil {
		return "", err
	}
	theirs, err := c.repository.File(ctx, c.snapshot, p.Key)
	if errors.Is(err, errMissing) {
		return "is in the manifest, but cannot be downloaded: " + err.Error(), nil
	}
	if err != nil {
		return "", err
	}
	return diff.File(p.Key, theirs, ours), nil
}
