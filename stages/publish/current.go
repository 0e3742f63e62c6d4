package publish

import (
	"context"
	"errors"
	"fmt"
	"path"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// A current is the metadata to which a target leads its clients, with an index: what is
// added to it needs none of the nights of which it was made.
type current struct {
	Published
	source target.Source
}

// Published is the index of a repository's metadata. Nobody changes it.
type Published struct {
	Index  *releases.Index
	SHA256 pipeline.Digest // of its file; the name of its folder
}

// readCurrent reads the index of a metadata folder.
func readCurrent(ctx context.Context, s target.Source, folder string) (*current, error) {
	data, err := target.Read(ctx, s, path.Join(metaDir, folder, releases.IndexName))
	if err != nil {
		return nil, err
	}
	if sum := pipeline.DigestOf(data); string(sum) != folder {
		return nil, fmt.Errorf("%s of the metadata has SHA-256 %s, and its folder is named %s", releases.IndexName, sum, folder)
	}
	index, err := releases.ParseIndex(data)
	if err != nil {
		return nil, err
	}
	return &current{Published{index, pipeline.Digest(folder)}, s}, nil
}

// readCurrent uses what was read before, if that is what is there.
func (o Options) readCurrent(ctx context.Context, s target.Source, folder string) (*current, error) {
	if string(o.Published.SHA256) == folder {
		return &current{o.Published, s}, nil
	}
	return readCurrent(ctx, s, folder)
}

// ReadIndex opens a target and returns its index; see Repository.Index. Its error is a
// *pipeline.StageError.
func ReadIndex(ctx context.Context, to string, o target.Options) (p Published, err error) {
	defer func() {
		if err != nil {
			err = &pipeline.StageError{Stage: Name, Err: err}
		}
	}()
	t, err := target.Open(ctx, to, o)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	return Read(t).Index(ctx)
}

// Index returns the index of the repository's metadata.
// An index that cannot be read is made of the snapshots that the repository resolves;
// where nothing is published, it is empty.
func (r Repository) Index(ctx context.Context) (Published, error) {
	s, err := readSwitch(ctx, r.source)
	if errors.Is(err, errMissing) {
		return Published{Index: &releases.Index{}}, nil
	}
	if err != nil {
		return Published{}, err
	}
	if c, err := readCurrent(ctx, r.source, s.folder()); err == nil {
		return c.Published, nil
	}
	snapshots := make([]*snapshot, len(s.Nightly.Snapshots))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i, name := range s.Nightly.Snapshots {
		group.Go(func() (err error) {
			snapshots[i], err = fromTarget(groupCtx, r.source, name)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Published{}, err
	}
	m, err := merge(ctx, nil, snapshots, s.Nightly.URL)
	if err != nil {
		return Published{}, fmt.Errorf("repository %s: %w", r.source, err)
	}
	return Published{m.index, pipeline.Digest(m.name)}, nil
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
