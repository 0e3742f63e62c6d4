package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/history"
	"github.com/mage-os/nightly/stages/publish/page"
	"github.com/mage-os/nightly/stages/publish/target"
)

// shownHistory is the age of the oldest try that pages and the status show.
const shownHistory = 62 * 24 * time.Hour

// ErrNoRepository says that nothing was published at a target for a base URL.
var ErrNoRepository = errors.New("nothing is published there")

// Tried tells a target of Options.Tries, of runs for a base URL that published nothing: their records, the status, the badge
// and the page. It changes nothing else. Notes are the target's after a mirror's run that had nothing to publish; nil: it
// was none. Its error is ErrNoRepository where nothing was ever published for that URL.
func (o Options) Tried(ctx context.Context, to, base string, notes []releases.Note) error {
	o = o.withDefaults()
	base, err := stages.BaseURL(base)
	if err != nil {
		return err
	}
	return target.With(ctx, to, o.Target, func(t target.Target) error {
		switch s, err := readSwitch(ctx, t); {
		case errors.Is(err, errMissing), err == nil && s.Nightly.belongs(t, base) != nil:
			return ErrNoRepository // and no lock is left there
		case err != nil:
			return err
		}
		return o.locked(ctx, t, false, func(ctx context.Context) error {
			err := o.tell(ctx, t, notes)
			if err == nil || ctx.Err() != nil {
				return err
			}
			o.Log.Debug("the page is not drawn anew", "reason", err)
			return o.tellStatus(ctx, t, notes)
		})
	})
}

// tell writes what was tried, and draws the page that shows it, which has to be signed where the rest is.
func (o Options) tell(ctx context.Context, t target.Target, notes []releases.Note) error {
	signed, err := o.readSignature(ctx, t, false)
	if err != nil {
		return err
	}
	if err := o.maySign(nil); err != nil {
		return err
	}
	before, want, err := o.asItIs(ctx, signed.source(t), signed)
	if err != nil {
		return err
	}
	want.now, want.grace, want.notes, want.published, want.told = o.Now, o.Grace, notes, signed.Published, true
	r, err := plan(ctx, before, want)
	if err != nil {
		return err
	}
	if r.metadata.name != before.folder {
		return errors.New("its metadata is not what this program makes of it")
	}
	pages, err := o.pages(ctx, t, want, r)
	if err != nil {
		return err
	}
	update, err := o.sign(ctx, t, before, want, r, pages[pageFile])
	if err != nil {
		return err
	}
	w := o.writer(t, false)
	if err := w.lookIn(ctx, "."); err != nil {
		return err
	}
	if err := w.turn(ctx, before, r, update); err != nil {
		return err
	}
	return w.putPages(ctx, pages)
}

// tellStatus writes what was tried, but draws no page.
func (o Options) tellStatus(ctx context.Context, t target.Target, notes []releases.Note) error {
	status, err := ReadStatus(ctx, t)
	if err != nil {
		return fmt.Errorf("status of %s: %w; publish again to write it anew", t, err)
	}
	book, err := o.readHistory(ctx, t)
	if err != nil {
		return err
	}
	tries := book.Tries()
	status.Format = statusFormat
	if notes != nil {
		status.Notes = notes
	}
	status.LastGood, status.LastTry = lastOf(tries, status.LastGood, status.LastTry)
	files, _, err := book.Write(o.Now)
	if err != nil {
		return err
	}
	for name, value := range map[string]any{statusFile: status, badgeFile: status.badge()} {
		if files[name], err = encode(value); err != nil {
			return err
		}
	}
	w := o.writer(t, false)
	if err := w.lookIn(ctx, "."); err != nil {
		return err
	}
	return w.putPages(ctx, files)
}

// readHistory reads the history of a target, with what this run adds.
func (o Options) readHistory(ctx context.Context, s target.Source) (*history.Book, error) {
	since := o.Now.Add(-shownHistory)
	for _, e := range o.Tries {
		if began := e.Began(); began.Before(since) {
			since = began
		}
	}
	book, err := history.Open(ctx, s, since)
	if err != nil {
		return nil, err
	}
	clean := history.Cleaner(o.Secrets)
	for _, e := range o.Tries {
		if o.Now.Sub(e.At) > history.KeepTries {
			continue
		}
		if err := book.Compare(ctx, s, &e); err != nil {
			return nil, err
		}
		if err := book.Add(e, clean); err != nil {
			return nil, err
		}
	}
	return book, nil
}

// lastOf are the last good try and the last one; where the history has none, those that are known.
func lastOf(tries []*history.Try, knownGood, known *history.Try) (good, last *history.Try) {
	good, last = knownGood, known
	if found := history.LastGood(tries); found != nil && (good == nil || found.At.After(good.At)) {
		good = found.Brief()
	}
	if n := len(tries); n > 0 && (last == nil || !tries[n-1].At.Before(last.At)) {
		last = tries[n-1].Brief()
	}
	return good, last
}

// putPages writes what people and monitors read, the status last.
func (w *writer) putPages(ctx context.Context, pages map[string][]byte) error {
	dirs := []string{history.Dir}
	if pages[page.PackagesDir+"/index.html"] != nil {
		dirs = append(dirs, page.PackagesDir)
	}
	if err := w.look(ctx, dirs...); err != nil {
		return err
	}
	return w.putFolder(ctx, "", pages, statusFile)
}

// triesUnused are the files of tries that are too old.
func (w *writer) triesUnused(ctx context.Context, now time.Time) ([]string, error) {
	entries, err := w.target.List(ctx, history.TriesDir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name
	}
	old := history.Old(names, now)
	if err := w.look(ctx, old...); err != nil {
		return nil, err
	}
	var unused []string
	for _, dir := range old {
		unused = append(unused, w.below(dir, nil)...)
	}
	slices.Sort(unused)
	return unused, nil
}
