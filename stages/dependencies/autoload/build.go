package autoload

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// A builder fills an Index. It remembers which packages have a prefix, and which lost one to another package.
type builder struct {
	Index
	reached    map[string]bool
	lostPrefix map[string]lost
}

// lost is a prefix and the package that has it instead.
type lost struct{ prefix, winner string }

// New makes the index of packages. Of several with one name the first counts; otherwise their order does not matter.
func New(packages []Package) *Index {
	b := builder{
		Index:      Index{classes: map[string]string{}, functions: map[string]string{}, prefixes: make(map[string]claim, 2*len(packages))},
		reached:    make(map[string]bool, len(packages)),
		lostPrefix: map[string]lost{},
	}
	b.classes[installedVersions] = runtimeAPI
	packages = slices.Clone(packages)
	slices.SortStableFunc(packages, func(p, q Package) int { return cmp.Compare(p.Name, q.Name) })
	packages = slices.CompactFunc(packages, func(p, q Package) bool { return p.Name == q.Name })
	// A row of the table lists what is a package's own under a prefix that it shares, so that those with one come last.
	for _, withRow := range []bool{false, true} {
		for _, p := range packages {
			if r, ok := rowOf(p.Name); ok == withRow {
				b.add(p, r)
			}
		}
	}
	for _, p := range packages {
		if reason := b.blind(p); reason != "" {
			b.blindSpots = append(b.blindSpots, BlindSpot{p.Name, reason})
		}
	}
	return &b.Index
}

// add adds a package with its row of the table, which may be empty.
func (b *builder) add(p Package, r row) {
	psr4, psr0 := rankPSR4, rankPSR0
	if p.Type == "project" {
		psr4, psr0 = rankProjectPSR4, rankProjectPSR0
	}
	for _, n := range p.Autoload.PSR4 {
		if strings.HasSuffix(n.Prefix, `\`) {
			b.claim(n.Prefix, claim{p.Name, psr4})
		}
	}
	for _, n := range p.Autoload.PSR0 {
		if n.Prefix != "" {
			b.claim(n.Prefix, claim{p.Name, psr0})
		}
	}
	for _, prefix := range r.Prefixes {
		b.claim(prefix, claim{p.Name, rankTable})
	}
	for _, class := range r.Classes {
		b.classes[class] = cmp.Or(b.classes[class], p.Name)
	}
	for _, function := range r.Functions {
		name := strings.ToLower(function)
		b.functions[name] = cmp.Or(b.functions[name], p.Name)
	}
}

// claim settles who gets a prefix. Packages come in the order of their names, so the first of equals stays.
func (b *builder) claim(prefix string, c claim) {
	b.reached[c.pkg] = true
	had, taken := b.prefixes[prefix]
	if !taken {
		b.prefixes[prefix] = c
		return
	}
	if c.rank < had.rank {
		b.prefixes[prefix] = c
		had, c = c, had
	}
	if had.pkg != c.pkg && c.rank < rankProjectPSR4 {
		b.lostPrefix[c.pkg] = lost{prefix: prefix, winner: had.pkg}
	}
}

// A BlindSpot is a package whose classes the index cannot find, or not surely, and why.
type BlindSpot struct {
	Package string
	Reason  string
}

// withoutClasses are Composer's types whose packages have no class that another package could name: they are rows of
// require, templates and styles, or translations.
var withoutClasses = []string{"metapackage", "magento2-theme", "magento2-language"}

// blind says why a package is a blind spot; empty: it is none.
func (b *builder) blind(p Package) string {
	a := p.Autoload
	_, told := rowOf(p.Name)
	lost, hasLost := b.lostPrefix[p.Name]
	onlyRegistration := !slices.ContainsFunc(a.Files, func(file string) bool { return path.Base(file) != "registration.php" })
	reason := "it has no autoload section"
	switch {
	case told:
		return ""
	case hasLost:
		return fmt.Sprintf("%s has the same prefix %s and gets its classes; packages.yaml has no row that tells whose they are", lost.winner, lost.prefix)
	case b.reached[p.Name], slices.Contains(withoutClasses, p.Type) && len(a.Classmap) == 0 && onlyRegistration:
		return ""
	case len(a.PSR4)+len(a.PSR0) > 0:
		reason = `its prefixes are empty or, in psr-4, without "\" at their end, and so lead to no class`
	case len(a.Classmap) > 0:
		reason = "its classmap gives paths (" + strings.Join(a.Classmap, ", ") + "), not names"
	case p.Type == "magento2-component" && onlyRegistration:
		reason = "a component is copied into the shop, whose own autoload section finds its classes"
	case len(a.Files) > 0 && onlyRegistration:
		reason = "it loads only registration.php"
	case len(a.Files) > 0:
		reason = "it loads files (" + strings.Join(a.Files, ", ") + "), not classes by name"
	}
	return reason + "; packages.yaml has no row for it"
}
