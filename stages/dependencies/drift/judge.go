package drift

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"runtime"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
)

// judge compares what every package uses with what it requires.
func (o Options) judge(ctx context.Context, d *distribution) (Report, error) {
	var judged []*member
	for _, m := range d.own {
		switch {
		case len(d.in.Only) > 0 && !slices.Contains(d.in.Only, m.Repository):
		case m.judged():
			judged = append(judged, m)
		default:
			o.Log.Info("nobody writes the requires of this package by hand, or it has no code; it is not judged", slog.String("package", m.Name))
		}
	}
	verdicts := make([]*verdict, len(judged))
	err := pipeline.Each(len(judged), runtime.GOMAXPROCS(0), func(i int) (err error) {
		verdicts[i], err = d.verdict(ctx, judged[i])
		return err
	})
	if err != nil {
		return Report{}, err
	}
	return d.report(verdicts), nil
}

// A verdict is what was found out about one package.
type verdict struct {
	*distribution
	m     *member
	usage usage
	reach reach
	// These map the packages that meet a require to it, as written.
	required, development, suggested map[string]string
	findings                         []Finding
	provided                         map[string]Provided
	guards                           map[string]map[string]bool // what each file asks for before it uses it
}

// verdict judges one package.
func (d *distribution) verdict(ctx context.Context, m *member) (*verdict, error) {
	v := &verdict{
		distribution: d, m: m, usage: d.usage(m), reach: d.graph.reach(m.Name),
		// What it replaces is in it: of the root of Magento's repository all modules.
		required:    d.graph.met(slices.Concat(m.manifest.Links(composer.Require), m.manifest.Links(composer.Replace))),
		development: d.graph.met(m.manifest.Links(composer.RequireDev)),
		suggested:   d.graph.met(m.manifest.Links(composer.Suggest)),
		provided:    map[string]Provided{}, guards: map[string]map[string]bool{},
	}
	for _, name := range slices.Sorted(maps.Keys(v.usage.uses)) {
		if err := v.judgeUse(ctx, name, v.usage.uses[name]); err != nil {
			return nil, err
		}
	}
	for _, ext := range slices.Sorted(maps.Keys(v.usage.extensions)) {
		if err := v.judgeExtension(ctx, ext, v.usage.extensions[ext]); err != nil {
			return nil, err
		}
	}
	if m.isProject() {
		return v, nil // its requires are for all that lies in it
	}
	return v, v.judgeRequires(ctx)
}

// judgeUse judges a package that is used: is it required?
func (v *verdict) judgeUse(ctx context.Context, name string, u *use) error {
	if has(v.required, name) {
		return nil
	}
	var err error
	if u.places[code], err = v.unguarded(ctx, u.places[code], ""); err != nil {
		return err
	}
	_, reached := v.reach.has(name)
	suggested := has(v.suggested, name)
	kind, by, open := Kind(""), code, false
	switch {
	case len(u.places[code]) > 0 && suggested:
		kind = Suggested
	case len(u.places[code]) > 0 && (reached || len(v.reach.open) > 0):
		// Where the requires of some package are not known, nothing is said about
		// what cannot be reached.
		kind, open = Undeclared, !reached
	case len(u.places[code]) > 0:
		kind = Unreachable
	case suggested:
		return nil
	case len(u.places[config]) > 0:
		kind, by = Configuration, config
	case len(u.places[tests]) > 0 && !has(v.development, name):
		kind, by = Tests, tests
	default:
		return nil
	}
	if row, ok := v.allowed(name, kind); ok {
		v.provided[name] = row
		return nil
	}
	f := v.finding(kind, name, u.places[by])
	f.Open, f.Convention = open, u.convention
	v.findings = append(v.findings, f)
	return nil
}

func has(set map[string]string, name string) bool {
	_, ok := set[name]
	return ok
}

// judgeExtension judges an extension of PHP that is used: is it required?
func (v *verdict) judgeExtension(ctx context.Context, ext string, places []Place) error {
	if has(v.required, ext) || has(v.suggested, ext) {
		return nil
	}
	places, err := v.unguarded(ctx, places, ext)
	if err != nil || len(places) == 0 {
		return err
	}
	f := v.finding(Extension, ext, places)
	_, reached := v.reach.has(ext)
	f.Open = !reached && len(v.reach.open) > 0
	v.findings = append(v.findings, f)
	return nil
}

// finding is one about something that is not required.
func (v *verdict) finding(k Kind, name string, places []Place) Finding {
	f := Finding{Package: v.m.Name, Kind: k, Require: name, Repository: v.m.Repository, Manifest: v.m.manifestPath(), Via: []string{}}
	via, _ := v.reach.has(name)
	f.Via = append(f.Via, via...)
	f.Places, f.Uses = best(places)
	f.Constraint, f.Source = v.constraint(name)
	return f
}

// allowed says whether a package may use another without requiring it.
func (v *verdict) allowed(name string, k Kind) (Provided, bool) {
	indirect := k == Undeclared || k == Configuration || k == Tests
	for _, row := range table().Provided {
		by := v.graph.own(row.By)
		if v.graph.own(row.Package) != name || !indirect {
			continue
		}
		_, byIsReached := v.reach.has(by)
		if n, ok := v.graph.nodes[by]; ok && byIsReached && has(v.graph.met(n.requires), name) {
			return Provided{Require: name, By: by, Reason: row.Reason}, true
		}
	}
	for _, row := range table().Tools {
		if k == Tests && v.graph.own(row.Package) == name {
			return Provided{Require: name, By: "the distribution's root", Reason: row.Reason}, true
		}
	}
	for _, row := range table().Deployed {
		if v.graph.own(row.Package) == name {
			return Provided{Require: name, By: "every shop", Reason: row.Reason}, true
		}
	}
	// A plugin of Composer runs within it, and gets what Composer requires in the
	// versions that Composer has.
	if k == Undeclared && has(v.required, pluginAPI) {
		_, ok := v.graph.reach(composerItself).has(name)
		return Provided{Require: name, By: pluginAPI, Reason: "a plugin runs within Composer, which brings what it requires itself"}, ok
	}
	return Provided{}, false
}

var twoNumbers = regexp.MustCompile(`^v?(\d+)\.(\d+)\b`)

// constraint gives the constraint to write for a package, and why that one: the
// root's, that of most packages which require it, or one by the version that is
// there.
func (d *distribution) constraint(name string) (constraint, from string) {
	if d.root != nil {
		for _, l := range d.root.Links(composer.Require) {
			if d.graph.own(l.Name) == name {
				return l.Constraint, "the root composer.json"
			}
		}
	}
	if users := d.users[name]; len(users) > 0 {
		most := slices.MinFunc(slices.Collect(maps.Keys(users)), func(a, b string) int {
			return cmp.Or(cmp.Compare(users[b], users[a]), cmp.Compare(a, b))
		})
		if users[most] == 1 {
			return most, "another package"
		}
		return most, fmt.Sprintf("%d other packages", users[most])
	}
	if composer.IsPlatform(name) {
		return "*", "no package names a version of it"
	}
	n, ok := d.graph.nodes[name]
	if !ok || n.version == "" {
		return "*", "no version of it is known"
	}
	switch m := twoNumbers.FindStringSubmatch(n.version); {
	case m == nil:
		return n.version, "composer.lock"
	case n.member != nil:
		return m[1] + "." + m[2] + ".*", "its own version " + n.version
	default:
		return "^" + m[1] + "." + m[2], "composer.lock, which has " + n.version
	}
}
