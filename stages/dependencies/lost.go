package dependencies

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// lost tells of packages that would be missing without a word: those of the latest tag that
// are none any more, and those that lie within another one.
func (a *analysis) lost(ctx context.Context) error {
	var errs []error
	for _, layout := range a.in.Repositories {
		r := a.repositories[layout.Name]
		if r == nil {
			continue // it could not be opened
		}
		for _, entry := range layout.Packages {
			if entry.Each != "" {
				errs = append(errs, a.vanished(ctx, r, entry))
			}
		}
		errs = append(errs, a.nested(ctx, r))
	}
	return errors.Join(errs...)
}

// vanished finds what was one of each at the latest tag. That a directory is gone is a note;
// one that only lost its composer.json is an error.
func (a *analysis) vanished(ctx context.Context, r *repository, entry releases.Package) error {
	var errs []error
	for file := range r.tagged.Below(entry.Each) {
		sub, rest, _ := strings.Cut(file, "/")
		dir := path.Join(entry.Each, sub)
		if _, all := below(entry.Exclude, sub); all || rest != "composer.json" || sub[0] == '.' {
			continue
		}
		m, err := readManifest(ctx, r.tagged, path.Join(dir, rest))
		if err != nil || slices.ContainsFunc(a.packages, func(p stages.Package) bool { return r.same(p.Name) == r.same(m.Name()) }) {
			continue
		}
		if _, there := r.head.Find(path.Join(dir, rest)); there {
			continue // it has another name
		}
		stays := false
		for range r.head.Below(dir) {
			stays = true
			break
		}
		if !stays {
			a.note("package %s, in %s at the latest tag %s, is gone with its directory", m.Name(), stages.Place(r.Name, dir), r.Tag)
			continue
		}
		errs = append(errs, fmt.Errorf("%s: package %s of the latest tag %s has no composer.json any more, but other files; put it back, remove those, or write exclude: [%s/] in the release line",
			stages.Place(r.Name, dir), m.Name(), r.Tag, sub))
	}
	return errors.Join(errs...)
}

// nested finds packages that another one has among its files: an error if they are packages
// of the line too, or new since the latest tag, else a note. What tests have as their
// fixtures does not count, nor what lies in the base package.
func (a *analysis) nested(ctx context.Context, r *repository) error {
	owners := map[string]stages.Package{}
	for _, p := range a.packages {
		if p.Repository == r.Name && (p.Kind == stages.Plain || p.Kind == stages.Base) {
			owners[p.Directory] = p
		}
	}
	var errs []error
	for file := range r.head.Below(".") {
		if path.Base(file) != "composer.json" {
			continue
		}
		dir := path.Dir(file)
		for above := dir; above != "."; {
			above = path.Dir(above)
			owner, found := owners[above]
			rest := strings.TrimPrefix(file, above+"/")
			if !found || pipeline.Within(owner.Exclude, rest) {
				continue
			}
			name, isOwn := owners[dir].Name, owners[dir].Kind == stages.Plain
			known := false
			if !isOwn {
				m, err := readManifest(ctx, r.head, file)
				if err != nil || owner.Kind == stages.Base || isFixture(rest) || !slices.Contains(a.in.Vendors, composer.Name(m.Name()).Vendor()) {
					continue
				}
				name = m.Name()
				_, known = r.tagged.Find(file)
			}
			text := fmt.Sprintf("%s: package %s holds package %s in %s; write exclude: [%[4]s/] there in the release line, and an entry for it if it is to be built",
				stages.Place(r.Name, above), owner.Name, name, path.Dir(rest))
			if known {
				a.note("%s", text)
			} else {
				errs = append(errs, errors.New(text))
			}
		}
	}
	return errors.Join(errs...)
}

// isFixture is whether a path leads through a directory of tests.
func isFixture(file string) bool {
	return slices.ContainsFunc(strings.Split(strings.ToLower(file), "/"), func(part string) bool {
		return slices.Contains([]string{"test", "tests", "_files", "fixtures"}, part)
	})
}
