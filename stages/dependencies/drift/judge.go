package drift

import (
	"context"
	"log/slog"
	"maps"
	"path"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/releases/composer"
)

// judge compares what every package uses with what it requires.
func (o Options) judge(ctx context.Context, w *world) (Report, error) {
	var judged []*source
	for _, s := range w.own {
		switch {
		case len(w.in.Only) > 0 && !slices.Contains(w.in.Only, s.Repository):
		case s.judged():
			judged = append(judged, s)
		default:
			o.Log.Info("nobody writes the requires of this package by hand, or it has no code; it is not judged", slog.String("package", s.Name))
		}
	}
	constraints := w.constraints()
	verdicts := make([]*verdict, len(judged))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(scanners)
	for i, s := range judged {
		group.Go(func() (err error) {
			verdicts[i], err = w.verdict(ctx, s, constraints)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Report{}, err
	}
	return w.report(verdicts), nil
}

// A verdict is what was found out about one package.
type verdict struct {
	w           *world
	s           *source
	usage       usage
	reach       reach
	required    map[string]string // package that meets a require: the require as written
	development map[string]bool
	suggested   map[string]bool
	constraints constraints
	findings    []Finding
	provided    map[string]Provided
	guards      map[string]map[string]bool // what each file asks for before it uses it
}

// verdict judges one package.
func (w *world) verdict(ctx context.Context, s *source, c constraints) (*verdict, error) {
	v := &verdict{
		w: w, s: s, usage: w.usage(s), reach: w.graph.reach(s.Name), constraints: c,
		required: map[string]string{}, provided: map[string]Provided{},
		guards: map[string]map[string]bool{},
	}
	for _, l := range s.manifest.Links(composer.Require) {
		for _, name := range w.graph.meets(l.Name) {
			v.required[name] = l.Name
		}
	}
	v.development = w.met(s.manifest.Links(composer.RequireDev))
	v.suggested = w.met(s.manifest.Links(composer.Suggest))
	for _, name := range slices.Sorted(maps.Keys(v.usage.uses)) {
		if err := v.judgeUse(ctx, name, v.usage.uses[name]); err != nil {
			return nil, err
		}
	}
	for _, ext := range slices.Sorted(maps.Keys(v.usage.ofPlatform)) {
		if err := v.judgeExtension(ctx, ext, v.usage.ofPlatform[ext]); err != nil {
			return nil, err
		}
	}
	return v, v.judgeRequires(ctx)
}

// met is the set of packages that meet links.
func (w *world) met(links []composer.Link) map[string]bool {
	names := map[string]bool{}
	for _, l := range links {
		for _, name := range w.graph.meets(l.Name) {
			names[name] = true
		}
	}
	return names
}

// judgeUse judges a package that is used: is it required?
func (v *verdict) judgeUse(ctx context.Context, name string, u *use) error {
	if _, ok := v.required[name]; ok {
		return nil
	}
	var err error
	if u.code, err = v.unguarded(ctx, u.code, ""); err != nil {
		return err
	}
	via, reached := v.reach.has(name)
	f := v.finding(name, u, via)
	places := u.code
	switch {
	case len(u.code) > 0 && v.suggested[name]:
		f.Kind = Suggested
	case len(u.code) > 0 && (reached || len(v.reach.open) > 0):
		// Where the requires of some package are not known, nothing is said about
		// what cannot be reached.
		f.Kind, f.Open = Undeclared, !reached
	case len(u.code) > 0:
		f.Kind = Unreachable
	case v.suggested[name]:
		return nil
	case len(u.config) > 0:
		f.Kind, places = Configuration, u.config
	case len(u.tests) > 0 && !v.development[name]:
		f.Kind, places = Tests, u.tests
	default:
		return nil
	}
	if row, ok := v.w.allowed(v, name, f.Kind); ok {
		v.provided[name] = row
		return nil
	}
	f.Places, f.Uses = best(places)
	v.findings = append(v.findings, f)
	return nil
}

// finding begins a finding about something that is not required.
func (v *verdict) finding(name string, u *use, via []string) Finding {
	f := Finding{
		Package: v.s.Name, Require: name, Repository: v.s.Repository, Manifest: v.s.manifestPath(),
		Places: []Place{}, Via: slices.Clone(via), Convention: u.convention,
	}
	if f.Via == nil {
		f.Via = []string{}
	}
	f.Constraint, f.Source = v.constraints.of(name)
	return f
}

func (s *source) manifestPath() string { return path.Join(s.Directory, "composer.json") }

// allowed says whether a package may use another without requiring it.
func (w *world) allowed(v *verdict, name string, k Kind) (Provided, bool) {
	for _, row := range table().Provided {
		by := w.graph.own(row.By)
		if w.graph.own(row.Package) != name || by == v.s.Name || k != Undeclared && k != Configuration && k != Tests {
			continue
		}
		_, byIsReached := v.reach.has(by)
		if n, ok := w.graph.nodes[by]; ok && byIsReached && w.met(n.requires)[name] {
			return Provided{Require: name, By: by, Reason: row.Reason}, true
		}
	}
	for _, row := range table().Tools {
		if k == Tests && w.graph.own(row.Package) == name {
			return Provided{Require: name, By: "the distribution's root", Reason: row.Reason}, true
		}
	}
	for _, row := range table().Deployed {
		if w.graph.own(row.Package) == name {
			return Provided{Require: name, By: "every shop", Reason: row.Reason}, true
		}
	}
	if k == Undeclared {
		return v.byComposer(name)
	}
	return Provided{}, false
}

// byComposer says whether a plugin of Composer uses what Composer itself requires:
// the plugin runs within it, and gets these in the versions that Composer has.
func (v *verdict) byComposer(name string) (Provided, bool) {
	if _, ok := v.required[pluginAPI]; !ok {
		return Provided{}, false
	}
	if _, ok := v.w.graph.reach(composerItself).has(name); !ok {
		return Provided{}, false
	}
	return Provided{Require: name, By: pluginAPI, Reason: "a plugin runs within Composer, which brings what it requires itself"}, true
}

// judgeExtension judges an extension of PHP that is used: is it required?
func (v *verdict) judgeExtension(ctx context.Context, ext string, u *use) error {
	if _, ok := v.required[ext]; ok || v.suggested[ext] {
		return nil
	}
	code, err := v.unguarded(ctx, u.code, ext)
	if err != nil || len(code) == 0 {
		return err
	}
	via, reached := v.reach.has(ext)
	f := v.finding(ext, u, via)
	f.Kind, f.Open = Extension, !reached && len(v.reach.open) > 0
	f.Places, f.Uses = best(code)
	v.findings = append(v.findings, f)
	return nil
}
