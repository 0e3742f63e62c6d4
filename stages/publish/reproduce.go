package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// A Difference is a file of a night that is not, here, what was published.
type Difference struct {
	Path string `json:"path"`
	// Detail says what differs, down to the file in a zip and the line in a text;
	// it has several lines.
	Detail string `json:"detail"`
}

// A Reproduction is the outcome of comparing a night that was built here with one
// that was published.
type Reproduction struct {
	Snapshot    string       `json:"night"`
	Files       int          `json:"files"` // compared
	Bytes       int64        `json:"bytes"` // of those
	Differences []Difference `json:"differences"`
}

// Reproduced compares a night that was built here with a published one, of which
// this is the nightly.json. With a repository every published file is read and
// compared byte by byte; without one, by the SHA-256 that the manifest tells.
func Reproduced(ctx context.Context, store pipeline.Reader, here stages.Snapshot, manifest []byte, r *Repository) (*Reproduction, error) {
	m, err := releases.ParseManifest(manifest)
	if err != nil {
		return nil, err
	}
	built, err := store.Files(ctx, here.Tree)
	if err != nil {
		return nil, fmt.Errorf("read the night that was built: %w", err)
	}
	c := &reproduction{store: store, manifest: manifest, repository: r, snapshot: m.Snapshot, ours: map[string]pipeline.File{}, theirs: filesOf(m, manifest)}
	for _, f := range built {
		c.ours[f.Path] = f
	}
	if r != nil {
		s, err := readSwitch(ctx, r.source)
		if err != nil {
			return nil, err
		}
		c.base = s.Nightly.URL
	}
	out := &Reproduction{Snapshot: m.Snapshot, Differences: []Difference{}}
	all := maps.Clone(c.theirs)
	maps.Copy(all, c.ours)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		detail, err := c.compare(ctx, path)
		if err != nil {
			return nil, fmt.Errorf("compare %s: %w", path, err)
		}
		if detail != "" {
			out.Differences = append(out.Differences, Difference{path, detail})
		}
		out.Files++
		out.Bytes += all[path].Size
	}
	return out, nil
}

// filesOf are all files of a night by its manifest.
func filesOf(m *releases.Manifest, manifest []byte) map[string]pipeline.File {
	files := map[string]pipeline.File{
		releases.ManifestName: {Path: releases.ManifestName, Size: int64(len(manifest)), Digest: pipeline.DigestOf(manifest)},
	}
	for _, f := range m.Files {
		files[f.Path] = pipeline.File{Path: f.Path, Size: f.Size, Digest: f.SHA256}
	}
	for _, p := range m.Packages {
		if p.Dist != nil {
			files[p.Dist.Path] = pipeline.File{Path: p.Dist.Path, Size: p.Dist.Size, Digest: p.Dist.SHA256}
		}
	}
	return files
}

// reproduction compares file by file.
type reproduction struct {
	store        pipeline.Reader
	manifest     []byte // theirs
	repository   *Repository
	base         string // of the repository
	snapshot     string
	ours, theirs map[string]pipeline.File
}

// compare gives an empty detail for a file that is the same.
func (c *reproduction) compare(ctx context.Context, path string) (string, error) {
	ours, here := c.ours[path]
	theirs, there := c.theirs[path]
	switch {
	case !here:
		return "is published, but was not built here", nil
	case !there:
		return "was built here, but is not published", nil
	}
	mine, err := readStored(ctx, c.store, ours)
	if err != nil {
		return "", err
	}
	if path == releases.ManifestName {
		return explain(path, c.manifest, mine), nil
	}
	if c.repository == nil {
		if ours.Digest == theirs.Digest {
			return "", nil
		}
		return fmt.Sprintf("published: %d bytes, SHA-256 %s\nhere:      %d bytes, SHA-256 %s\ngive the URL of the published night to see what differs", theirs.Size, theirs.Digest, ours.Size, ours.Digest), nil
	}
	if mine, err = place(path, mine, c.base, c.snapshot); err != nil {
		return "", err
	}
	published, err := c.published(ctx, path)
	if errors.Is(err, errMissing) {
		return "is in the manifest, but cannot be downloaded: " + err.Error(), nil
	}
	if err != nil {
		return "", err
	}
	return explain(path, published, mine), nil
}

func readStored(ctx context.Context, store pipeline.Reader, file pipeline.File) ([]byte, error) {
	content, err := store.Open(ctx, file.Digest)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(content)
	return data, errors.Join(err, content.Close())
}

// published reads a file of the published night. Dists are shared by all nights.
func (c *reproduction) published(ctx context.Context, path string) ([]byte, error) {
	if strings.HasPrefix(path, stages.DistsDir+"/") {
		return target.Read(ctx, c.repository.source, path)
	}
	return target.Read(ctx, c.repository.source, snapshotFile(c.snapshot, path))
}
