package publish

import (
	"context"
	"fmt"
	"path"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// A Known is the index of a repository's metadata and the SHA-256 of its file, by
// which packages.json names it. Nobody changes it.
type Known struct {
	SHA256 pipeline.Digest
	Index  *releases.Index
}

// A current is the metadata to which a target leads its clients, with an index: what is
// added to it needs none of the nights of which it was made.
type current struct {
	Known
	source target.Source
	texts  map[string][]byte // its files, if they were read
}

// readIndex reads the index of a metadata folder.
func readIndex(ctx context.Context, s target.Source, folder string) ([]byte, error) {
	data, err := target.Read(ctx, s, path.Join(metaDir, folder, releases.IndexName))
	if err != nil {
		return nil, err
	}
	if sum := pipeline.DigestOf(data); string(sum) != folder {
		return nil, fmt.Errorf("%s of the metadata has SHA-256 %s, and its folder is named %s", releases.IndexName, sum, folder)
	}
	return data, nil
}

// readCurrent reads the metadata of a folder.
func readCurrent(ctx context.Context, s target.Source, folder string) (*current, error) {
	data, err := readIndex(ctx, s, folder)
	if err != nil {
		return nil, err
	}
	return parseCurrent(s, folder, data)
}

// parseCurrent is the metadata of a folder with that index.
func parseCurrent(s target.Source, folder string, data []byte) (*current, error) {
	index, err := releases.ParseIndex(data)
	if err != nil {
		return nil, err
	}
	return &current{Known: Known{pipeline.Digest(folder), index}, source: s}, nil
}

// files reads all metadata, by the names that the index has for it. It reports an error
// where one is not what the index says. Of nil there is none.
func (c *current) files(ctx context.Context) (*releases.Index, map[string][]byte, error) {
	if c == nil {
		return &releases.Index{}, nil, nil
	}
	if c.texts != nil {
		return c.Index, c.texts, nil
	}
	texts := make([][]byte, len(c.Index.Files))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i, file := range c.Index.Files {
		if len(file.Versions) == 0 { // half of the files: what is in them need not be asked for
			texts[i] = metadataFile[[]byte](minifiedHead, packageOf(file.Name), nil)
			if pipeline.DigestOf(texts[i]) == file.SHA256 {
				continue
			}
		}
		group.Go(func() (err error) {
			texts[i], err = target.Read(ctx, c.source, path.Join(metaDir, string(c.SHA256), file.Name+".json"))
			if err == nil && pipeline.DigestOf(texts[i]) != file.SHA256 {
				err = fmt.Errorf("%s.json of the metadata is not what its %s says", file.Name, releases.IndexName)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	files := make(map[string][]byte, len(texts))
	for i, file := range c.Index.Files {
		files[file.Name] = texts[i]
	}
	return c.Index, files, nil
}

// load reads the files ahead of who will want them. If that fails, they are read then.
func (c *current) load(ctx context.Context) {
	if _, texts, err := c.files(ctx); err == nil && c != nil {
		c.texts = texts
	}
}

// nights are those of which the metadata was made, newest first. Their manifests and
// metadata are read when asked for. Of nil there are none.
func (c *current) snapshots() []*snapshot {
	if c == nil {
		return nil
	}
	byName := make(map[string]*snapshot, len(c.Index.Snapshots))
	snapshots := make([]*snapshot, len(c.Index.Snapshots))
	for i, n := range c.Index.Snapshots {
		snapshots[i] = laterFrom(c.source, n)
		byName[n.Snapshot] = snapshots[i]
	}
	for _, file := range c.Index.Files {
		pkg := packageOf(file.Name)
		for _, v := range file.Versions {
			dist := distSum{stages.DistPath(pkg, v.Version), v.SHA256}
			for _, name := range v.Snapshots {
				if n := byName[name]; n != nil {
					n.sums = append(n.sums, dist)
				}
			}
		}
	}
	return snapshots
}
