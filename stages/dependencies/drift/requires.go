package drift

import (
	"bytes"
	"context"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/mage-os/nightly/releases/composer"
)

// judgeRequires judges what is required: is it used?
func (v *verdict) judgeRequires(ctx context.Context) error {
	var left []composer.Link
	for _, l := range v.m.manifest.Links(composer.Require) {
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
		if mentions[i].production {
			continue
		}
		f := Finding{
			Package: v.m.Name, Kind: Unused, Require: v.graph.own(l.Name), Repository: v.m.Repository, Manifest: v.m.manifestPath(),
			Via: []string{}, Places: []Place{{Path: v.m.manifestPath(), Line: lineOfRequire(v.m.text, l.Name), Name: l.Name, How: "require"}},
		}
		if places := append(v.placesOf(l.Name, idle, tests, quiet), mentions[i].tests...); len(places) > 0 {
			f.Kind = Idle
			places, f.Uses = best(places)
			f.Places = append(f.Places, places...)
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
	if slices.ContainsFunc(v.graph.meets(require), v.graph.isOwn) {
		return nil
	}
	for _, l := range v.m.manifest.Links(composer.Require) {
		if l.Name == require {
			continue
		}
		for _, other := range v.graph.meets(l.Name) {
			if _, ok := v.graph.reach(other).has(v.graph.own(require)); ok {
				return []string{other}
			}
		}
	}
	return nil
}

// placesOf are those where the packages that meet a require are used in some roles.
func (v *verdict) placesOf(require string, in ...role) []Place {
	var places []Place
	for _, r := range in {
		for _, name := range v.graph.meets(require) {
			if u := v.usage.uses[name]; u != nil {
				places = append(places, u.places[r]...)
			}
		}
	}
	return places
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
	for _, name := range v.graph.meets(require) {
		n, known := v.graph.nodes[name]
		if !known || slices.Contains(withoutUse, n.kind) || v.blind[name] != "" {
			return false
		}
		for _, row := range v.provided {
			if row.By == name {
				return false // the package uses what this one provides to it
			}
		}
	}
	return len(v.placesOf(require, code, config, loose)) == 0
}

// lineOfRequire finds the line of a require in a composer.json; 1 if it cannot.
func lineOfRequire(text []byte, name string) int {
	pointer := jsontext.Pointer("").AppendToken(string(composer.Require)).AppendToken(name)
	dec := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for {
		if _, err := dec.ReadToken(); err != nil {
			return 1
		}
		if dec.StackPointer() == pointer {
			return 1 + bytes.Count(text[:dec.InputOffset()], []byte("\n"))
		}
	}
}
