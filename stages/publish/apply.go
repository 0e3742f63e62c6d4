package publish

import (
	"context"
	"maps"
	"path"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// lookAround lists what the run may write or sweep, but for the dists.
func (w *writer) lookAround(ctx context.Context, want wish, r *repository) error {
	root, err := w.target.List(ctx, ".")
	if err != nil {
		return err
	}
	w.know(root)
	dirs := []string{metaDir + "/" + r.metadata.name}
	if want.add != nil {
		dirs = append(dirs, snapshotFile(want.add.name, ""))
	}
	return w.look(ctx, dirs...)
}

// putFolder writes a folder, of which one file comes last: without that file the
// folder counts as not there.
func (w *writer) putFolder(ctx context.Context, dir string, files map[string][]byte, last string) error {
	return w.putSummed(ctx, dir, files, nil, last)
}

// putSummed is putFolder of files of which some SHA-256 are known.
func (w *writer) putSummed(ctx context.Context, dir string, files map[string][]byte, sums map[string]pipeline.Digest, last string) error {
	contents := make(map[string]target.Content, len(files))
	for name, data := range files {
		if name != last {
			at := path.Join(dir, name)
			contents[at] = content(at, data, sums[name])
		}
	}
	if err := w.putAll(ctx, contents); err != nil {
		return err
	}
	at := path.Join(dir, last)
	if err := w.put(ctx, at, content(at, files[last], sums[last])); err != nil {
		return err
	}
	return w.flush(ctx)
}

// putSuperseded writes since when metadata folders are no longer named, if that
// changed.
func (w *writer) putSuperseded(ctx context.Context, before state, r *repository) error {
	if maps.Equal(supersededStays(before.superseded, before), r.superseded) {
		return nil
	}
	data, err := encode(r.superseded)
	if err != nil {
		return err
	}
	return w.put(ctx, supersededFile, content(supersededFile, data, ""))
}

// unused lists what the repository no longer needs.
func (w *writer) unused(ctx context.Context, before state, want wish, r *repository) (sweep, error) {
	var s sweep
	for _, digest := range r.metaUnused(before, want) {
		if err := w.sweepFolder(ctx, &s, metaDir+"/"+digest, mergedFile); err != nil {
			return s, err
		}
	}
	for _, name := range r.snapshotsUnused(before, want) {
		if err := w.sweepFolder(ctx, &s, snapshotFile(name, ""), stages.PackagesFile); err != nil {
			return s, err
		}
	}
	s.dists = w.below(stages.DistsDir, distsOf(r.live))
	return s, nil
}

func (w *writer) sweepFolder(ctx context.Context, s *sweep, dir, head string) error {
	if err := w.look(ctx, dir); err != nil {
		return err
	}
	files := w.below(dir, nil)
	if at := path.Join(dir, head); slices.Contains(files, at) {
		s.heads = append(s.heads, []string{at})
	} else {
		s.torn = append(s.torn, append(w.foldersBelow(dir), dir)...)
	}
	s.rest = append(s.rest, slices.DeleteFunc(files, func(name string) bool { return name == path.Join(dir, head) })...)
	return nil
}

// tidy removes the folders of a killed run that hold no file any more. A target
// takes the folder of a name along that it removes, if that leaves it empty, and
// the name need not be there.
func (w *writer) tidy(ctx context.Context, dirs []string) error {
	if w.dry || len(dirs) == 0 {
		return nil
	}
	names := make([]string, len(dirs))
	for i, dir := range dirs {
		names[i] = path.Join(dir, mergedFile)
	}
	if err := w.target.Remove(ctx, names); err != nil {
		return err
	}
	return w.flush(ctx)
}
