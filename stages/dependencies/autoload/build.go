package autoload

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
)

// A builder fills an Index. It remembers which packages have a prefix, and which lost one to another package.
type builder struct {
	Index
	table      table
	reached    map[string]bool
	lostPrefix map[string]lost
}

// lost is a prefix and the package that has it instead.
type lost struct{ prefix, winner string }

// inOrder is packages as they are added, each name once: those without a row before those with one, since a row lists
// what is a package's own under a prefix that it shares; and by name, so that the caller's order does not matter.
func (b *builder) inOrder(packages []Package) []Package {
	packages = slices.Clone(packages)
	slices.SortStableFunc(packages, func(p, q Package) int { return cmp.Compare(p.Name, q.Name) })
	packages = slices.CompactFunc(packages, func(p, q Package) bool { return p.Name == q.Name })
	slices.SortStableFunc(packages, func(p, q Package) int { return cmp.Compare(b.rows(p), b.rows(q)) })
	return packages
}

// rows is how many rows of the table are about p: 1 or 0.
func (b *builder) rows(p Package) int {
	if _, told := b.table.row(p.Name); told {
		return 1
	}
	return 0
}

// declare takes a package's whole names: its own word before the table's.
func (b *builder) declare(p Package) {
	for _, class := range p.Declares {
		b.class(strings.TrimPrefix(class, `\`), p.Name)
	}
}

// class gives a whole name to a package unless another one, that comes before it, has it.
func (b *builder) class(class, pkg string) {
	if _, known := b.classes[class]; !known {
		b.classes[class] = pkg
	}
}

func (b *builder) add(p Package) {
	if p.Type == "project" {
		b.section(p.Name, p.Autoload, rankDevPSR4, rankDevPSR0)
	} else {
		b.section(p.Name, p.Autoload, rankPSR4, rankPSR0)
	}
	b.section(p.Name, p.AutoloadDev, rankDevPSR4, rankDevPSR0)
	r, ok := b.table.row(p.Name)
	if !ok {
		return
	}
	for _, class := range r.Classes {
		b.class(class, p.Name)
	}
	for _, function := range r.Functions {
		if name := strings.ToLower(function); b.functions[name] == "" {
			b.functions[name] = p.Name
		}
	}
	for _, prefix := range r.Prefixes {
		b.claim(prefix, claim{p.Name, rankTable})
	}
}

func (b *builder) section(pkg string, a composer.Autoload, psr4, psr0 rank) {
	for _, row := range a.PSR4 {
		if strings.HasSuffix(row.Prefix, `\`) {
			b.claim(row.Prefix, claim{pkg, psr4})
		}
	}
	for _, row := range a.PSR0 {
		if row.Prefix != "" {
			b.claim(row.Prefix, claim{pkg, psr0})
		}
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
	if had.pkg != c.pkg && c.rank < rankDevPSR4 {
		b.lostPrefix[c.pkg] = lost{prefix: prefix, winner: had.pkg}
	}
}
