package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// Published is the index of a repository's metadata. Nobody changes it.
type Published struct {
	Index  *releases.Index
	SHA256 pipeline.Digest // of its file; the name of its folder
}

// ReadIndex opens a target and returns its index; see Repository.Index. Its error is a
// *pipeline.StageError.
func ReadIndex(ctx context.Context, to string, o target.Options) (p Published, err error) {
	if err = target.With(ctx, to, o, func(t target.Target) (err error) {
		p, err = Read(t).Index(ctx)
		return err
	}); err != nil {
		err = &pipeline.StageError{Stage: Name, Err: err}
	}
	return p, err
}

// Index returns the index of the repository's metadata. An index that cannot be read is
// made of the snapshots that the repository resolves; where nothing is published, it is
// empty.
func (r Repository) Index(ctx context.Context) (Published, error) {
	s, err := readSwitch(ctx, r.source)
	if errors.Is(err, errMissing) {
		return Published{Index: &releases.Index{}}, nil
	}
	if err != nil {
		return Published{}, err
	}
	if found, err := readIndex(ctx, r.source, s.folder()); err == nil {
		return found.Published, nil
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
	m, err := merge(ctx, nil, snapshots, s.Nightly.URL, s.Nightly.Versions, nil)
	if err != nil {
		return Published{}, fmt.Errorf("repository %s: %w", r.source, err)
	}
	return Published{m.index, pipeline.Digest(m.name)}, nil
}

// An indexed is a metadata folder of a target with its index: a snapshot is added to it
// without reading those of which it was made. Nil has no snapshots and no files.
type indexed struct {
	Published
	source target.Source
}

// readIndex reads the index of a metadata folder.
func readIndex(ctx context.Context, s target.Source, folder string) (*indexed, error) {
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
	return &indexed{Published{index, pipeline.Digest(folder)}, s}, nil
}

// has reports whether a snapshot is in the index.
func (x *indexed) has(n *snapshot) bool {
	return x != nil && slices.ContainsFunc(x.Index.Snapshots, n.is)
}

// files reads all metadata, by the names that the index has for it. A file that is not
// what the index says is an error.
func (x *indexed) files(ctx context.Context) (*releases.Index, map[string][]byte, error) {
	if x == nil {
		return &releases.Index{}, nil, nil
	}
	texts := make([][]byte, len(x.Index.Files))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i, file := range x.Index.Files {
		if len(file.Versions) == 0 { // half of the files; they need not be read
			texts[i] = metadataFile[[]byte](minifiedHead, packageOf(file.Name), nil)
			if pipeline.DigestOf(texts[i]) == file.SHA256 {
				continue
			}
		}
		group.Go(func() (err error) {
			texts[i], err = target.Read(ctx, x.source, path.Join(metaDir, string(x.SHA256), file.Name+".json"))
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
	for i, file := range x.Index.Files {
		files[file.Name] = texts[i]
	}
	return x.Index, files, nil
}

// snapshots are those of which the metadata was made, by name. Their manifests and metadata
// are read when asked for.
func (x *indexed) snapshots() map[releases.SnapshotName]*snapshot {
	if x == nil {
		return nil
	}
	all := make(map[releases.SnapshotName]*snapshot, len(x.Index.Snapshots))
	for _, n := range x.Index.Snapshots {
		all[n.Snapshot] = fromIndex(x.source, n)
	}
	for _, file := range x.Index.Files {
		pkg := packageOf(file.Name)
		for _, v := range file.Versions {
			dist := distSum{pkg: pkg, version: v.Version}
			if v.SHA256 != "" {
				dist.path, dist.sum = cmp.Or(v.Dist, stages.DistPath(pkg, v.Version)), v.SHA256
			}
			for _, name := range v.Snapshots {
				if n := all[name]; n != nil {
					n.sums = append(n.sums, dist)
				}
			}
		}
	}
	return all
}
