package composer

// A Section is a part of composer.json that names other packages.
type Section string

// The sections, by their keys.
const (
	Require    Section = "require"
	RequireDev Section = "require-dev"
	Replace    Section = "replace"
	Provide    Section = "provide"
	Conflict   Section = "conflict"
	Suggest    Section = "suggest"
)

var sections = []Section{Require, RequireDev, Replace, Provide, Conflict, Suggest}

// SelfVersion is the constraint that means the version of the package in which it stands.
const SelfVersion = "self.version"

// A Link is one row of a section. Name may be a platform package; Constraint is free text in "suggest", and may be
// SelfVersion elsewhere.
type Link struct {
	Name       string
	Constraint string
}

// Links are the rows of a section in their order; none when it is absent. The caller owns the slice.
func (m *Manifest) Links(s Section) []Link {
	section, _ := objectOf(m.root.get(string(s)))
	var links []Link
	for _, f := range section {
		if constraint, ok := textOf(f.Value); ok {
			links = append(links, Link{Name: f.Key, Constraint: constraint})
		}
	}
	return links
}

// SetLinks replaces a section's rows. The section keeps its place, a new one goes to the end, and an empty list deletes
// it. Of two rows with one name the last counts, in the first one's place.
func (m *Manifest) SetLinks(s Section, links []Link) {
	if len(links) == 0 {
		m.Delete(string(s))
		return
	}
	var section object
	places := make(map[string]int, len(links))
	for _, link := range links {
		place, known := places[link.Name]
		if !known {
			place = len(section)
			places[link.Name] = place
			section = append(section, Field{Key: link.Name})
		}
		section[place].Value = quote(link.Constraint)
	}
	m.root.set(string(s), section.text())
}
