package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/history"
	"github.com/mage-os/nightly/stages/publish/page"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
)

// Belongs fails where a target is not, and cannot become, the repository of a base URL that
// these Options may sign. It writes nothing, so that it can be asked before anything is built.
func (o Options) Belongs(ctx context.Context, to, base string) error {
	o = o.withDefaults()
	base, err := stages.BaseURL(base)
	if err != nil {
		return err
	}
	return target.With(ctx, to, o.Target, func(t target.Target) error {
		if _, err := foreign(ctx, t); err != nil {
			return err
		}
		s, err := readSwitch(ctx, t)
		if err != nil && !errors.Is(err, errMissing) {
			return err
		}
		if err := s.Nightly.belongs(t, base); err != nil {
			return err
		}
		if _, err := o.readSignature(ctx, t, true); err != nil {
			return err
		}
		return o.maySign(nil)
	})
}

// belongs refuses a repository that was published for another base URL.
func (k nightlyKey) belongs(t target.Target, base string) error {
	if k.Format != 0 && k.URL != base {
		return config.Errorf("repository %s was published for %s, not for %s; publish with that URL, or to an empty folder", t, k.URL, base)
	}
	return nil
}

// ours are the names at the root that publishing writes or sweeps.
func ours() []string {
	return append(releases.SnapshotDirs(), stages.PackagesFile, stages.DistsDir, metaDir, pageFile, statusFile, badgeFile, history.Dir, history.TriesDir, page.PackagesDir, page.FeedFile, page.BreakagesFile, trust.Dir)
}

// foreign names what somebody else put at the root of a target that no run has used. It
// refuses a place that has names which publishing writes or sweeps.
func foreign(ctx context.Context, t target.Target) ([]string, error) {
	root, err := t.List(ctx, ".")
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", t, err)
	}
	switch s, err := readSwitch(ctx, t); {
	case err == nil && s.Nightly.Format != 0:
		return nil, nil
	case err == nil:
		return nil, config.Errorf("%s is a Composer repository that others have published; take it over with mageos-nightly adopt, or publish to another folder", t)
	case target.Used(root):
		return nil, nil
	}
	var names []string
	for _, e := range root {
		if slices.Contains(ours(), e.Name) {
			return nil, config.Errorf("%s has %s but is no repository that was published here before; publish to another folder, or move that away", t, e.Name)
		}
		names = append(names, e.Name)
	}
	slices.Sort(names)
	return names, nil
}
