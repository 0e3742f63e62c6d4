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
// which packages.json names it. It is not changed.
type Known struct {
	SHA256 pipeline.Digest
	Index  *releases.Index
}

// A current is the metadata to which a target leads its clients, with an index: what is
// added to it needs none of the nights of which it was made.
type current struct {
	Known
	source target.Source
}

// readCurrent reads the index of a metadata folder; known is one that was read before.
func readCurrent(ctx context.Context, s target.Source, folder string, known Known) (*current, error) {
	if known.Index != nil && string(known.SHA256) == folder {
		return &current{known, s}, nil
	}
	data, err := target.Read(ctx, s, path.Join(metaDir, folder, releases.IndexName))
	if err != nil {
		return nil, err
	}
	sum := pipeline.DigestOf(data)
	if string(sum) != folder {
		return nil, fmt.Errorf("%s of the metadata has SHA-256 %s, and its folder is named %s", releases.IndexName, sum, folder)
	}
	index, err := releases.ParseIndex(data)
	if err != nil {
		return nil, err
	}
	return &current{Known{sum, index}, s}, nil
}

// files reads all metadata, by the names that the index has for it. It reports an error
// where one is not what the index says. Of nil there is none.
func (c *current) files(ctx context.Context) (*releases.Index, map[string][]byte, error) {
	if c == nil {
		return &releases.Index{}, nil, nil
	}
	texts := make([][]byte, len(c.Index.Files))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i, file := range c.Index.Files {
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

// nights are those of which the metadata was made, newest first. Their manifests and
// metadata are read when asked for. Of nil there are none.
func (c *current) nights() []*night {
	if c == nil {
		return nil
	}
	byName := make(map[string]*night, len(c.Index.Nights))
	nights := make([]*night, len(c.Index.Nights))
	for i, n := range c.Index.Nights {
		nights[i] = laterFrom(c.source, n)
		byName[n.Night] = nights[i]
	}
	for _, file := range c.Index.Files {
		pkg := packageOf(file.Name)
		for _, v := range file.Versions {
			dist := distSum{stages.DistPath(pkg, v.Version), v.SHA256}
			for _, name := range v.Nights {
				if n := byName[name]; n != nil {
					n.sums = append(n.sums, dist)
				}
			}
		}
	}
	return nights
}
