package images

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/releases"
)

// Supported is a page of Markdown about which versions are supported until when, and with
// what they run: the newest first.
func (t *Table) Supported() string {
	var p markdown.Page
	p.WriteString("# Supported versions\n\n" +
		"`mageos-nightly images supported` writes this page from [the table](../releases/services.json) by which shops are proven.\n")
	for _, project := range slices.Sorted(maps.Keys(t.Services)) {
		p.WriteString("\n## " + markdown.Cell(project) + "\n\n")
		p.Table("version", "released", "supported until", "PHP", "Composer", "database", "search", "cache", "queue")
		list := slices.Clone(t.Services[project])
		slices.SortStableFunc(list, func(a, b releases.Support) int { return b.From().Compare(a.From()) })
		for _, s := range list {
			if s.Versions == "" {
				continue // what is not in the table
			}
			if s.Versions == releases.Next {
				s.Released, s.EndOfLife = "", "" // those of the newest
			}
			p.Row(cmp.Or(s.From().String(), s.Versions), s.Released, s.EndOfLife, commas(s.PHP), s.Composer, commas(s.Database), commas(s.Search), commas(s.Cache), commas(s.Queue))
		}
	}
	return p.String()
}

func commas(words []string) string { return strings.Join(words, ", ") }
