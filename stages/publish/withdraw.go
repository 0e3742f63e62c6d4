package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// Withdraw takes single versions, as "acme/tool 1.1.0", out of the metadata of a repository:
// Composer cannot read one and with it no other, or nobody shall install it. Their dists
// stay for who has them in a composer.lock, and so does what their snapshots say. They
// do not come back, since a version stands for one content for ever.
func (o Options) Withdraw(ctx context.Context, to string, versions []string, dry bool) (stages.Publication, error) {
	o = o.withDefaults()
	return o.bring(ctx, to, dry, func(ctx context.Context, t target.Target, signed signature) (observed, desired, error) {
		before, want, err := o.asItIs(ctx, t, signed)
		if err != nil {
			return before, want, err
		}
		for _, v := range versions {
			name, version, _ := strings.Cut(v, " ")
			if !slices.ContainsFunc(before.all, func(n *snapshot) bool {
				return slices.ContainsFunc(n.sums, func(d distSum) bool { return d.pkg == name && d.version == version })
			}) {
				return before, want, fmt.Errorf("%s has no version %s; give one as acme/tool=1.1.0", t, v)
			}
		}
		want.versions = slices.Compact(slices.Sorted(slices.Values(slices.Concat(want.versions, versions))))
		return before, want, nil
	})
}
