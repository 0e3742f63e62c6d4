package build

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// closure makes sure, before anything is packed, that Composer can load every package,
// and that every require of each is to be had: from a built package, from composer.lock, or from a
// Composer repository of the line. The project's require-dev counts too:
// Composer resolves it for the root package. All that is missing is reported
// together.
func (o Options) closure(ctx context.Context, in stages.Build, trees stages.SourceTrees, packages []composed) error {
	if err := refused(packages); err != nil {
		return err
	}
	built := builtCandidates(packages)
	locked, err := readLock(ctx, in.Plan.Line.Lock, trees)
	if err != nil {
		return err
	}
	wants, err := wantsOf(packages)
	if err != nil {
		return err
	}
	var open []*want
	var errs []error
	for _, w := range wants {
		// A built package shuts out all others of its name: its repository is
		// asked first.
		if own, ok := built.byName[w.name]; ok {
			if !w.metBy(own...) {
				errs = append(errs, w.missing("this snapshot has "+versionList(own), "let the sources agree on one version"))
			}
			continue
		}
		if w.metBy(built.replaced[w.name]...) || w.metBy(locked.byName[w.name]...) || w.metBy(locked.replaced[w.name]...) {
			continue
		}
		open = append(open, w)
	}
	if in.Plan.Line.AllRequired {
		errs = append(errs, unrequired(packages, wants)...)
	}
	third, err := o.thirdParty(ctx, in, open)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, w := range open {
		found := third[w.name]
		if w.metBy(found.versions...) {
			continue
		}
		errs = append(errs, w.missing(found.text(locked, w.name),
			"correct the constraint, build the package, or name a Composer repository that has it in the release line"))
	}
	return errors.Join(errs...)
}

// refused names all that Composer would not load of the packages.
func refused(packages []composed) error {
	errs := make([]error, len(packages))
	for i, p := range packages {
		if err := p.manifest.Loadable(); err != nil {
			errs[i] = fmt.Errorf("%s (%s): %w; correct it there", p.manifest.Name(), p.file(), err)
		}
	}
	return errors.Join(errs...)
}

// unrequired names the packages that no edition requires, directly or not, nor by what they replace or provide.
func unrequired(packages []composed, wants []*want) (errs []error) {
	reached := map[composer.Name]bool{}
	open := slices.Clone(packages)
	for before := -1; before != len(open); {
		before = len(open)
		open = slices.DeleteFunc(open, func(p composed) bool {
			others := slices.Concat([]composer.Link{{Name: p.manifest.Name()}}, p.manifest.Links(composer.Replace), p.manifest.Links(composer.Provide))
			if p.Edition == "" && !slices.ContainsFunc(others, func(l composer.Link) bool { return reached[composer.Name(strings.ToLower(l.Name))] }) {
				return false
			}
			for _, w := range wants {
				if w.by.manifest == p.manifest {
					reached[w.name] = true
				}
			}
			return true
		})
	}
	for _, p := range open {
		errs = append(errs, fmt.Errorf("%s (%s): no edition requires it, and the line says all-required; require it, or exclude it in the release line", p.manifest.Name(), p.file()))
	}
	return errs
}

// A want is one require.
type want struct {
	by         composed
	section    composer.Section
	name       composer.Name
	constraint composer.Constraint
	text       string
}

// wantsOf are the requires that are not of the platform.
func wantsOf(packages []composed) ([]*want, error) {
	var wants []*want
	var errs []error
	for _, p := range packages {
		sections := []composer.Section{composer.Require}
		if p.Kind == stages.Project {
			sections = append(sections, composer.RequireDev)
		}
		for _, section := range sections {
			for _, l := range p.manifest.Links(section) {
				if composer.IsPlatform(l.Name) {
					continue
				}
				w, err := newWant(p, section, l)
				if err != nil {
					errs = append(errs, err)
					continue
				}
				wants = append(wants, w)
			}
		}
	}
	return wants, errors.Join(errs...)
}

func newWant(p composed, section composer.Section, l composer.Link) (*want, error) {
	text := l.Constraint
	if text == composer.SelfVersion {
		text = p.manifest.Version()
	}
	name, err := composer.ParseName(strings.ToLower(l.Name))
	if err == nil {
		var c composer.Constraint
		if c, err = composer.ParseConstraint(text); err == nil {
			return &want{by: p, section: section, name: name, constraint: c, text: text}, nil
		}
	}
	return nil, fmt.Errorf("%s (%s): %s %s %s: %w; correct it there", p.manifest.Name(), p.origin(l.Name), section, l.Name, l.Constraint, err)
}

// metBy reports whether one of the candidates fits. A development version does only
// where the constraint asks for one.
func (w *want) metBy(candidates ...candidate) bool {
	return slices.ContainsFunc(candidates, func(o candidate) bool {
		if !o.exact {
			return true
		}
		dev := o.version.Stability() == composer.Dev
		return w.constraint.Matches(o.version) && (!dev || strings.Contains(w.text, "dev"))
	})
}

func (w *want) missing(found, advice string) error {
	return fmt.Errorf("%s (%s): %s %s %s cannot be met: %s; %s",
		w.by.manifest.Name(), w.by.origin(string(w.name)), w.section, w.name, w.text, found, advice)
}
