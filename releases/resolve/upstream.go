package resolve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"slices"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

// maxUpstream bounds the packages that are looked up upstream; Magento Open Source
// has some 350.
const maxUpstream = 5000

// addUpstream finds the upstream versions that the night's packages replace: those
// that the upstream product requires, and those that the metapackages among them
// require, whoever's they are. Only packages of vendors that the line renames count; no others get a
// new name, and so none stands in for them.
func (o Options) addUpstream(ctx context.Context, p *releases.Plan) error {
	if p.Line.Upstream == nil {
		return nil
	}
	err := o.walkUpstream(ctx, p)
	if err == nil {
		return nil
	}
	return &releases.SourceError{Repository: "upstream of the line", URL: p.Line.Upstream.Repository, Err: err}
}

func (o Options) walkUpstream(ctx context.Context, p *releases.Plan) error {
	from := p.Line.Upstream
	address, err := o.locate(from.Repository)
	if err != nil {
		return err
	}
	fetcher := o.Fetcher
	if from.Trust != "" {
		if fetcher, err = o.Protect(ctx, fetcher, address, from.Trust); err != nil {
			return err
		}
	}
	repository, err := composer.OpenRepository(ctx, address, fetcher)
	if err != nil {
		return err
	}
	w := &upstreamWalk{repository: repository, vendors: p.Line.Rename, found: p.Replace, foreign: map[string]bool{}}
	var exact []string
	if from.Version != "" {
		exact = []string{from.Version}
	}
	versions, err := w.versions(ctx, composer.Name(from.Package))
	if err != nil {
		return err
	}
	product, err := choose(versions, composer.Name(from.Package), exact)
	if err != nil {
		return err
	}
	w.found[from.Package] = product.Version()
	if err := w.follow(ctx, w.wanted(product)); err != nil {
		return err
	}
	return w.extra(ctx, from.Extra)
}

// locate turns the URL of a Composer repository into one that can be fetched.
func (o Options) locate(address string) (string, error) {
	if _, embedded := releases.IsEmbedded(address); !embedded {
		return address, nil
	}
	if o.Locate == nil {
		return "", errors.New("what the program carries in itself cannot be located here; give an https:// or file:// URL")
	}
	dir, err := o.Locate(address)
	if err != nil {
		return "", fmt.Errorf("locate %s: %w", address, err)
	}
	return (&url.URL{Scheme: "file", Path: dir}).String(), nil
}

// An upstreamWalk follows requires through metapackages.
type upstreamWalk struct {
	repository *composer.Repository
	vendors    map[string]string // as in Line.Rename
	found      map[string]string // package → version
	foreign    map[string]bool   // looked up for their requires alone
}

// A want is a package and all constraints on it.
type want struct {
	name        composer.Name
	constraints []string
	// foreign says that its vendor is not renamed: it is not replaced, but a
	// metapackage may lead on to packages that are.
	foreign bool
}

// follow looks up a level of packages at a time, so that the outcome does not
// depend on which answer comes first.
func (w *upstreamWalk) follow(ctx context.Context, level []want) error {
	for len(level) > 0 {
		if len(w.found)+len(level) > maxUpstream {
			return fmt.Errorf("its requires lead to more than %d packages; correct \"upstream\" in the release line", maxUpstream)
		}
		chosen := make([]*composer.Manifest, len(level))
		problems := make([]error, len(level))
		each(level, func(i int, want want) { chosen[i], problems[i] = w.resolve(ctx, want) })
		if err := errors.Join(problems...); err != nil {
			return err
		}
		for i, m := range chosen {
			if level[i].foreign {
				w.foreign[string(level[i].name)] = true
			} else {
				w.found[string(level[i].name)] = m.Version()
			}
		}
		level = w.wanted(metapackages(chosen)...)
	}
	return nil
}

func metapackages(manifests []*composer.Manifest) []*composer.Manifest {
	return slices.DeleteFunc(slices.Clone(manifests), func(m *composer.Manifest) bool { return m == nil || m.Type() != "metapackage" })
}

// wanted are the requires of manifests that have not been looked up, by name.
func (w *upstreamWalk) wanted(manifests ...*composer.Manifest) []want {
	constraints := map[composer.Name][]string{}
	for _, m := range manifests {
		for _, link := range m.Links(composer.Require) {
			name, err := composer.ParseName(link.Name)
			if err != nil {
				continue // a platform package
			}
			if _, known := w.found[link.Name]; known || w.foreign[link.Name] {
				continue
			}
			constraint := link.Constraint
			if constraint == composer.SelfVersion {
				constraint = m.Version()
			}
			constraints[name] = append(constraints[name], constraint)
		}
	}
	var wants []want
	for _, name := range slices.Sorted(maps.Keys(constraints)) {
		wants = append(wants, want{name, constraints[name], w.vendors[name.Vendor()] == ""})
	}
	return wants
}

// resolve chooses a package's version. One that is wanted in exactly one version
// needs no metadata upstream to be replaced: the version is known. A foreign one
// that upstream does not have leads nowhere: then there is no manifest.
func (w *upstreamWalk) resolve(ctx context.Context, want want) (*composer.Manifest, error) {
	versions, err := w.versions(ctx, want.name)
	if want.foreign {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		m, err := choose(versions, want.name, want.constraints)
		if err != nil {
			return nil, nil // upstream has other versions of it: Packagist's matter
		}
		return m, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		if version, parseErr := composer.ParseVersion(want.constraints[0]); parseErr == nil {
			m := composer.NewManifest()
			return m, errors.Join(m.Set("name", string(want.name)), m.Set("version", version.String()))
		}
	}
	if err != nil {
		return nil, err
	}
	return choose(versions, want.name, want.constraints)
}

// extra adds packages that nothing requires: the highest stable version that goes
// with what was found so far, or else the highest of all.
func (w *upstreamWalk) extra(ctx context.Context, names []string) error {
	var problems []error
	var chosen []*composer.Manifest
	for _, name := range slices.Sorted(slices.Values(names)) {
		versions, err := w.versions(ctx, composer.Name(name))
		if err == nil {
			fitting := slices.DeleteFunc(slices.Clone(versions), func(c candidate) bool { return !w.fits(c.manifest) })
			m, chooseErr := choose(fitting, composer.Name(name), nil)
			if chooseErr != nil {
				m, chooseErr = choose(versions, composer.Name(name), nil)
			}
			if err = chooseErr; err == nil {
				chosen = append(chosen, m)
			}
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("extra package: %w", err))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	for _, m := range chosen {
		w.found[m.Name()] = m.Version()
	}
	return w.follow(ctx, w.wanted(metapackages(chosen)...))
}

// fits says whether a package's requires allow the versions that were found.
func (w *upstreamWalk) fits(m *composer.Manifest) bool {
	for _, link := range m.Links(composer.Require) {
		found, known := w.found[link.Name]
		if !known {
			continue
		}
		version, err := composer.ParseVersion(found)
		constraint, constraintErr := composer.ParseConstraint(link.Constraint)
		if err == nil && constraintErr == nil && !constraint.Matches(version) {
			return false
		}
	}
	return true
}
