package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mage-os/nightly/pipeline/files"
)

// littleSegment is the size in bytes below which Prune puts segments together.
const littleSegment = fullSegment / 4

// An oldSegment is one that Prune writes anew.
type oldSegment struct {
	path string
	used time.Time
	kept int64 // bytes of the contents that are named
}

// segments removes what is old and not named from the segments: what else is in
// them is written anew, little ones together. Until that is on the disk, the
// old segments stay.
func (p *pruner) segments(ctx context.Context) error {
	var changed, little []oldSegment
	err := p.walk(ctx, segmentsDir, func(path string, d fs.DirEntry) error {
		old, err := p.old(d)
		if err != nil || !old {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		kept, dead, err := p.kept(path)
		if errors.Is(err, errSegment) { // nobody could read it
			var none int
			return p.remove(path, d, &none)
		}
		s := oldSegment{path: path, used: info.ModTime(), kept: kept}
		switch {
		case err != nil:
			return err
		case dead > 0:
			changed = append(changed, s)
		case info.Size() < littleSegment:
			little = append(little, s)
		}
		p.done.Contents += dead
		return nil
	})
	if err != nil {
		return err
	}
	if len(little) > 1 {
		changed = append(changed, little...)
	}
	return p.rewrite(ctx, changed)
}

// kept gives how many bytes of an old segment are named, and counts the contents
// that are not.
func (p *pruner) kept(path string) (kept int64, dead int, err error) {
	f, err := files.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	_, entries, err := readSegment(f, path)
	for _, e := range entries {
		if p.isNamed(e.sum) {
			kept += e.size
		} else {
			dead++
		}
	}
	return kept, dead, err
}

func (p *pruner) isNamed(d sum) bool { return p.named[d.digest()] }

// rewrite writes the kept contents of segments into new ones, and removes the
// old.
func (p *pruner) rewrite(ctx context.Context, list []oldSegment) error {
	for len(list) > 0 {
		n, size := 0, int64(0)
		for ; n < len(list) && size < fullSegment; n++ {
			size += list[n].kept
		}
		if err := p.join(ctx, list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

// join makes one segment of several.
func (p *pruner) join(ctx context.Context, list []oldSegment) (err error) {
	w, err := newSegment(filepath.Join(p.dir, segmentsDir))
	if err != nil {
		return err
	}
	var used time.Time
	for _, s := range list {
		if s.used.After(used) {
			used = s.used
		}
		if err := errors.Join(w.copyFrom(s.path, p.isNamed), ctx.Err()); err != nil {
			return errors.Join(err, w.discard())
		}
	}
	made := segment{}
	if len(w.entries) == 0 {
		err = w.discard()
	} else if made, err = w.seal(durable); err == nil {
		err = os.Chtimes(made.path, used, used)
	}
	if err != nil {
		return err
	}
	p.done.Bytes -= made.size
	for _, s := range list {
		if s.path == made.path { // it was whole, and the only one
			continue
		}
		info, err := os.Lstat(s.path)
		if err == nil {
			err = os.Remove(s.path)
		}
		if err != nil {
			return err
		}
		p.done.Bytes += info.Size()
	}
	return nil
}
