package publish

import (
	"context"
	"fmt"
	"strings"

	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/page"
	"github.com/mage-os/nightly/stages/publish/target"
)

// Unadopt gives an adopted repository back as it was: the files that were replaced are put
// back, and what this program has written is removed. After the first publish there is no
// way back.
func (o Options) Unadopt(ctx context.Context, to string, dry bool) (stages.Publication, error) {
	o = o.withDefaults()
	var p stages.Publication
	err := target.With(ctx, to, o.Target, func(t target.Target) error {
		return o.locked(ctx, t, dry, func(ctx context.Context) error {
			w := o.writer(t, dry)
			err := w.unadopt(ctx)
			p = stages.Publication{Target: t.String(), Added: w.added, Unchanged: w.unchanged, Bytes: w.bytes, DryRun: dry}
			return err
		})
	})
	return p, err
}

func (w *writer) unadopt(ctx context.Context) error {
	s, err := readSwitch(ctx, w.target)
	if err != nil {
		return err
	}
	switch key := s.Nightly; {
	case key.Format == 0 || len(key.Snapshots) == 0 || !isAdoption(key.Snapshots[len(key.Snapshots)-1]):
		return fmt.Errorf("%s was not adopted: there is nothing to undo", w.target)
	case len(key.Snapshots) > 1 || len(key.Withdrawn)+len(key.Versions) > 0:
		return fmt.Errorf("%s was published to since it was adopted, and clients have locked what was published: it cannot be given back", w.target)
	}
	n, err := fromTarget(ctx, w.target, s.Nightly.Snapshots[0])
	if err != nil {
		return err
	}
	m, err := n.manifest(ctx)
	if err != nil {
		return err
	}
	if err := w.look(ctx, "."); err != nil {
		return err
	}
	// The switch leads to files of before that never went away.
	back := map[string][]byte{}
	for _, f := range m.Kept {
		if name, ok := strings.CutPrefix(f.Path, snapshotFile(n.name, beforeDir)+"/"); ok {
			if back[name], err = target.Read(ctx, w.target, f.Path); err != nil {
				return err
			}
		}
	}
	if err := w.putAll(ctx, contents(back)); err != nil {
		return err
	}
	var rest []string
	for _, name := range ours() {
		if name != stages.DistsDir {
			rest = append(rest, w.below(name, nil)...)
		}
	}
	for _, name := range []string{pageFile, statusFile, badgeFile, page.FeedFile, page.BreakagesFile, supersededFile} {
		if back[name] == nil && w.there[name].Name != "" {
			rest = append(rest, name)
		}
	}
	return w.remove(ctx, [][]string{rest})
}
