package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish/target"
)

// Rebuilt adds the signed statements of rebuilders to their snapshots, and writes the page again. What a rebuilder
// says replaces what the same one has said before of that snapshot.
func (o Options) Rebuilt(ctx context.Context, to string, envelopes [][]byte, dry bool) (stages.Publication, error) {
	o = o.withDefaults()
	return o.bring(ctx, to, dry, func(ctx context.Context, t target.Target, signed signature) (observed, desired, error) {
		before, want, err := o.asItIs(ctx, t, signed)
		if err != nil {
			return before, want, err
		}
		want.rebuilt = map[string][]byte{}
		var errs []error
		for i, envelope := range envelopes {
			if err := o.addRebuilt(ctx, t, before, want, envelope); err != nil {
				errs = append(errs, fmt.Errorf("statement %d: it %w", i+1, err))
			}
		}
		return before, want, errors.Join(errs...)
	})
}

// asItIs wants of a repository what it has.
func (o Options) asItIs(ctx context.Context, t target.Target, signed signature) (before observed, want desired, err error) {
	if before, err = o.readTarget(ctx, t, "", signed); err != nil {
		return before, want, err
	}
	nights := slices.DeleteFunc(slices.Clone(before.key.Snapshots), func(n releases.SnapshotName) bool { return n.Kind() != releases.Night })
	return before, desired{base: before.key.URL, keep: len(nights), withdrawn: before.key.Withdrawn, versions: before.key.Versions}, nil
}

func (o Options) addRebuilt(ctx context.Context, t target.Target, before observed, want desired, envelope []byte) error {
	manifest, by, _, err := attest.OpenRebuilt(ctx, envelope, o.Rebuilders)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(before.all, func(n *snapshot) bool { return n.sum == manifest })
	if i < 0 {
		return fmt.Errorf("is of %s, and of no snapshot that %s has", by, t)
	}
	at := snapshotFile(before.all[i].name, attest.RebuiltFile)
	there := want.rebuilt[at]
	if there == nil {
		if there, err = target.ReadIfThere(ctx, t, at); err != nil {
			return err
		}
	}
	var lines []byte
	for _, line := range attest.Envelopes(there) {
		_, whose, _, err := attest.OpenRebuilt(ctx, line, o.Rebuilders)
		if err == nil && !slices.ContainsFunc(whose, func(name string) bool { return slices.Contains(by, name) }) {
			lines = append(append(lines, line...), '\n')
		}
	}
	want.rebuilt[at] = append(append(lines, bytes.TrimSpace(envelope)...), '\n')
	return nil
}

// rebuilds is the result of the rebuilders for a snapshot; nil if there are no rebuilders.
func (o Options) rebuilds(ctx context.Context, s target.Source, want desired, n *snapshot) (*attest.Rebuilds, error) {
	if len(o.Rebuilders) == 0 {
		return nil, nil //nolint:nilnil // see above
	}
	at := snapshotFile(n.name, attest.RebuiltFile)
	data := want.rebuilt[at]
	if data == nil {
		var err error
		if data, err = target.ReadIfThere(ctx, s, at); err != nil {
			return nil, err
		}
	}
	return attest.CountRebuilds(ctx, data, n.sum, o.Rebuilders), nil
}
