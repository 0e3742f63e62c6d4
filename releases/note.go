package releases

import (
	"fmt"
	"slices"
	"strings"
)

// A Note is what people should know of tags of a mirror, or of packages in them.
type Note struct {
	Repository string   `json:"repository,omitempty"` // of the line
	Tags       []string `json:"tags,omitempty"`
	Packages   []string `json:"packages,omitempty"` // acme/tool 1.1.0; none: it is said of the whole tags
	What       string   `json:"what"`               // and what to do about it
	// LeftOut says that they are not in the mirror. Their tags are tried again.
	LeftOut bool `json:"left-out,omitempty"`
	// Requires is the package that they require and that no mirror had then.
	Requires string `json:"requires,omitempty"`
}

// String is one sentence.
func (n Note) String() string {
	of := ""
	if len(n.Tags) > 0 {
		of = `tags ["` + strings.Join(n.Tags, `", "`) + `"] of ` + n.Repository // as a line writes them
	}
	if len(n.Packages) > 0 {
		names := strings.Join(n.Packages[:min(len(n.Packages), maxNoted)], ", ")
		if more := len(n.Packages) - maxNoted; more > 0 {
			names += fmt.Sprintf(" and %d more", more)
		}
		if of = names + " (" + of + ")"; len(n.Tags) == 0 {
			of = names
		}
	}
	if n.LeftOut {
		of = "left out: " + of
	}
	return of + ": " + n.What
}

// maxNoted is how many packages a sentence names.
const maxNoted = 3

// GroupNotes makes one note of all that say the same of a repository, in their order.
func GroupNotes(notes []Note) []Note {
	var groups []Note
	for _, n := range notes {
		at := slices.IndexFunc(groups, func(g Note) bool {
			return g.Repository == n.Repository && g.What == n.What && g.LeftOut == n.LeftOut && g.Requires == n.Requires
		})
		if at < 0 {
			at, groups = len(groups), append(groups, Note{Repository: n.Repository, What: n.What, LeftOut: n.LeftOut, Requires: n.Requires})
		}
		groups[at].Tags = union(groups[at].Tags, n.Tags)
		groups[at].Packages = union(groups[at].Packages, n.Packages)
	}
	return groups
}

// union adds what a list does not have yet.
func union(list, more []string) []string {
	for _, text := range more {
		if !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}

// Notes are those of the snapshots that still hold, the newest first. What was left out is
// tried again each time: the newest snapshot of a line says all of it, unless there are
// newer notes of the line.
func (i *Index) Notes(line string, newest ...Note) []Note {
	notes := slices.Clone(newest)
	newer := map[string]bool{line: true}
	for _, s := range i.Snapshots {
		for _, n := range s.Notes {
			if !(n.LeftOut && newer[s.Line]) && (n.Requires == "" || i.File(n.Requires) == nil) {
				notes = append(notes, n)
			}
		}
		newer[s.Line] = true
	}
	return GroupNotes(notes)
}
