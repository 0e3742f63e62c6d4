package publish

import (
	"context"
	"maps"
	"path"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/page"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
)

// apply writes what is missing. The order is what keeps the repository whole: no
// file is there before those that it names.
func (o Options) apply(ctx context.Context, w *writer, before observed, want desired, r *repository) error {
	// Pages are drawn and all is signed while dists travel; when that fails, nobody waits for them.
	var pages map[string][]byte
	var update *trust.Update
	var drawing errgroup.Group
	drawCtx, giveUp := context.WithCancel(ctx)
	drawing.Go(func() (err error) {
		if pages, err = o.pages(drawCtx, w.target, want, r); err == nil {
			update, err = o.sign(drawCtx, w.target, before, want, r, pages[pageFile])
		}
		return err
	})
	defer func() {
		giveUp()
		_ = drawing.Wait() // its error is returned below, or an earlier one is
	}()
	if err := w.lookAround(ctx, want, r); err != nil {
		return err
	}
	w.total = r.size(want)
	if want.add != nil {
		dists := want.add.distContents(o.Store)
		if err := w.putAll(ctx, dists); err != nil {
			return err
		}
		if err := w.putFormer(ctx, r, dists); err != nil {
			return err
		}
		if err := w.putFolder(ctx, want.add.name.Dir(), want.add.files, stages.PackagesFile); err != nil {
			return err
		}
	}
	if err := w.putFolder(ctx, metaDir+"/"+r.metadata.name, r.files, releases.IndexName); err != nil {
		return err
	}
	if err := drawing.Wait(); err != nil {
		return err
	}
	for name := range want.rebuilt {
		if err := w.lookIn(ctx, path.Dir(name)); err != nil {
			return err
		}
	}
	if err := w.putAll(ctx, contents(want.rebuilt)); err != nil {
		return err
	}
	if err := w.turn(ctx, before, r, update); err != nil {
		return err
	}
	// From here on only people, monitors and the next run read what is written.
	for name := range pages {
		if n, _, ok := releases.CutSnapshotDir(name); ok && (want.add == nil || n != want.add.name) {
			if err := w.look(ctx, n.Dir()); err != nil {
				return err
			}
		}
	}
	if err := w.putPages(ctx, pages); err != nil {
		return err
	}
	return o.clear(ctx, w, before, want, r, pages, update)
}

// turn is the switch: from then on clients read the new files. Update signs it; nil for an unsigned repository.
func (w *writer) turn(ctx context.Context, before observed, r *repository, update *trust.Update) error {
	early := map[string]target.Content{}
	if update != nil {
		early = contents(update.Files)
	}
	// Before the switch: a later run reads here which files the switch makes unreachable.
	if stays := r.supersededWith(before); !maps.Equal(supersededStays(before), stays) {
		data, err := encode(stays)
		if err != nil {
			return err
		}
		early[supersededFile] = content(supersededFile, data)
	}
	err := w.putAll(ctx, early)
	if err == nil {
		err = w.putAll(ctx, map[string]target.Content{stages.PackagesFile: content(stages.PackagesFile, r.packages)})
	}
	if err == nil && update != nil {
		w.undo = nil // clients go back to no earlier timestamp: the next run ends this one
		err = w.putAll(ctx, map[string]target.Content{trust.TimestampFile: content(trust.TimestampFile, update.Timestamp)})
	}
	return err
}

// clear removes what nothing names any more, of signed metadata too after an update.
func (o Options) clear(ctx context.Context, w *writer, before observed, want desired, r *repository, pages map[string][]byte, update *trust.Update) error {
	w.undo = nil // what is taken away now, nothing puts back
	s, err := w.unused(ctx, before, want, r, pages)
	if err != nil {
		return err
	}
	if update != nil {
		signed, err := o.trustUnused(ctx, w, update)
		if err != nil {
			return err
		}
		s.rest = append(s.rest, signed...)
	}
	s.rest = append(s.rest, w.below(page.PackagesDir, drawnOf(pages))...)
	tries, err := w.triesUnused(ctx, want.now)
	if err != nil {
		return err
	}
	s.rest = slices.Concat(s.rest, r.oldHistory, tries)
	unused := w.below(stages.DistsDir, distsOf(r.live))
	former, err := w.formerOf(ctx, r, unused)
	if err != nil {
		return err
	}
	// What was adopted goes first: only its manifest names it.
	if err := w.remove(ctx, slices.Concat([][]string{s.adopted}, s.marks, [][]string{s.rest, former, unused})); err != nil {
		return err
	}
	return w.removeEmpty(ctx, s.empty)
}

// drawnOf are the names of pages.
func drawnOf(pages map[string][]byte) map[string]pipeline.Digest {
	names := map[string]pipeline.Digest{}
	for name := range pages {
		names[name] = ""
	}
	return names
}

// size is the number of bytes that a run reads and writes, without the pages.
func (r *repository) size(want desired) int64 {
	n := int64(len(r.packages))
	for _, data := range r.files {
		n += int64(len(data))
	}
	if want.add != nil {
		for _, data := range want.add.files {
			n += int64(len(data))
		}
		for _, dist := range want.add.dists {
			n += dist.Size
		}
	}
	return n
}

// lookAround lists the files that the run may write or remove, without the dists.
func (w *writer) lookAround(ctx context.Context, want desired, r *repository) error {
	root, err := w.target.List(ctx, ".")
	if err != nil {
		return err
	}
	w.know(root)
	dirs := []string{metaDir + "/" + r.metadata.name, trust.Dir}
	if r.former != "" {
		dirs = append(dirs, r.former)
	}
	if want.add != nil {
		dirs = append(dirs, want.add.name.Dir())
	}
	return w.look(ctx, dirs...)
}

// A sweep is what goes of folders. What names something goes before what it names: the
// marks one after the other, the rest, and then the dists.
type sweep struct {
	adopted []string   // files that lay there before, of what was adopted
	marks   [][]string // of metadata and snapshots: without them a folder counts as incomplete
	rest    []string   // of their folders
	empty   []string   // folders that a killed run has begun to remove; they may hold no file any more
}

// unused lists the folders that the repository no longer needs.
func (w *writer) unused(ctx context.Context, before observed, want desired, r *repository, pages map[string][]byte) (sweep, error) {
	var s sweep
	for _, digest := range r.metasUnused(before, want) {
		if err := w.sweepFolder(ctx, &s, metaDir+"/"+digest, releases.IndexName); err != nil {
			return s, err
		}
	}
	if want.add != nil && slices.Contains(before.incomplete, want.add.name) { // a run that failed may have had other files
		mine := map[string]pipeline.Digest{}
		for name := range want.add.files {
			mine[snapshotFile(want.add.name, name)] = ""
		}
		maps.Copy(mine, drawnOf(pages))
		s.rest = append(s.rest, w.below(want.add.name.Dir(), mine)...)
	}
	for _, name := range r.snapshotsUnused(before, want) {
		if err := w.sweepFolder(ctx, &s, name.Dir(), stages.PackagesFile); err != nil {
			return s, err
		}
	}
	return s, s.sweepAdopted(ctx, before, r)
}

// sweepAdopted takes along what lay there before and was adopted, when that is given up.
func (s *sweep) sweepAdopted(ctx context.Context, before observed, r *repository) error {
	live := distsOf(r.live)
	for _, n := range before.all {
		if !isAdoption(n.name) || slices.Contains(names(r.live), n.name) {
			continue
		}
		m, err := n.manifest(ctx)
		if err != nil {
			return err
		}
		for _, f := range adoptedFiles(m) {
			if live[f.Path] == "" && !isOurs(f.Path) {
				s.adopted = append(s.adopted, f.Path)
			}
		}
	}
	return nil
}

func (w *writer) sweepFolder(ctx context.Context, s *sweep, dir, mark string) error {
	if err := w.look(ctx, dir); err != nil {
		return err
	}
	files, at := w.below(dir, nil), path.Join(dir, mark)
	if i := slices.Index(files, at); i >= 0 {
		s.marks = append(s.marks, []string{at})
		files = slices.Delete(files, i, i+1)
	} else {
		s.empty = append(s.empty, append(w.seen(dir, func(e target.Entry) bool { return e.Dir }), dir)...)
	}
	s.rest = append(s.rest, files...)
	return nil
}

// removeEmpty removes the folders of a killed run that hold no file any more. A target
// takes the folder of a name along that it removes, if that leaves it empty, and
// the name need not be there.
func (w *writer) removeEmpty(ctx context.Context, dirs []string) error {
	if w.dry || len(dirs) == 0 {
		return nil
	}
	names := make([]string, len(dirs))
	for i, dir := range dirs {
		names[i] = path.Join(dir, releases.IndexName)
	}
	if err := w.target.Remove(ctx, names); err != nil {
		return err
	}
	return w.flush(ctx)
}
