package drift

import (
	"context"
	"slices"

	"github.com/mage-os/nightly/releases/composer"
)

// judgeRequires judges what is required: is it used?
func (v *verdict) judgeRequires(ctx context.Context) error {
	var left []composer.Link
	for _, l := range v.s.manifest.Links(composer.Require) {
		if v.isIdle(l.Name) {
			left = append(left, l)
		}
	}
	if len(left) == 0 {
		return nil
	}
	mentions, err := v.mentions(ctx, left)
	if err != nil {
		return err
	}
	for i, l := range left {
		u := v.usesOf(l.Name)
		idle := slices.Concat(u.idle, u.tests, u.quiet, mentions[i].tests)
		if mentions[i].production {
			continue
		}
		f := Finding{
			Package: v.s.Name, Kind: Unused, Require: v.w.graph.own(l.Name), Repository: v.s.Repository, Manifest: v.s.manifestPath(),
			Via: []string{}, Places: []Place{{Path: v.s.manifestPath(), Line: lineOfRequire(v.s.text, l.Name), Name: l.Name, How: "require"}},
		}
		if len(idle) > 0 {
			f.Kind = Idle
			places, uses := best(idle)
			f.Places, f.Uses = append(f.Places, places...), uses
		} else if by := v.limits(l.Name); len(by) > 0 {
			f.Kind, f.Via = Idle, by
		}
		v.findings = append(v.findings, f)
	}
	return nil
}

// limits says through which other requires a third-party package comes anyway:
// to require it too then only limits its version, which is how a tool keeps what
// it runs on apart from what it was never tested with.
func (v *verdict) limits(require string) []string {
	for _, name := range v.w.graph.meets(require) {
		if v.w.isOwn(name) {
			return nil
		}
	}
	for _, l := range v.s.manifest.Links(composer.Require) {
		if l.Name == require {
			continue
		}
		for _, other := range v.w.graph.meets(l.Name) {
			if _, ok := v.w.graph.reach(other).has(v.w.graph.own(require)); ok {
				return []string{other}
			}
		}
	}
	return nil
}

// usesOf joins what is used of the packages that meet a require.
func (v *verdict) usesOf(require string) use {
	var all use
	for _, name := range v.w.graph.meets(require) {
		u, ok := v.usage.uses[name]
		if !ok {
			continue
		}
		all.code, all.config, all.loose = append(all.code, u.code...), append(all.config, u.config...), append(all.loose, u.loose...)
		all.idle, all.tests, all.quiet = append(all.idle, u.idle...), append(all.tests, u.tests...), append(all.quiet, u.quiet...)
	}
	return all
}

// withoutUse are Composer's types whose packages are required for what they do
// when they are installed, not for their classes.
var withoutUse = []string{"metapackage", "composer-plugin", "magento2-language", "magento2-component", "project", "phpcodesniffer-standard"}

// isIdle reports whether nothing that runs refers to a required package whose
// classes are known.
func (v *verdict) isIdle(require string) bool {
	if composer.IsPlatform(require) {
		return false
	}
	for _, name := range v.w.graph.meets(require) {
		n, known := v.w.graph.nodes[name]
		if v.providesTo(name) {
			return false
		}
		if !known || slices.Contains(withoutUse, n.kind) || v.w.blind[name] != "" {
			return false
		}
	}
	u := v.usesOf(require)
	return len(u.code)+len(u.config)+len(u.loose) == 0
}

// providesTo reports whether the package uses what another provides to it.
func (v *verdict) providesTo(name string) bool {
	for _, row := range v.provided {
		if row.By == name {
			return true
		}
	}
	return false
}
