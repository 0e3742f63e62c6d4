package organization

import (
	"slices"
	"strings"
)

// A Reading is an organization as GitHub has it, and what could not be read of it.
type Reading struct {
	Found   *List
	Unknown []Unknown
	// Renamed maps the names of listed repositories to those that they have now.
	Renamed map[string]string
	// Moved maps the names of listed repositories to the "owner/name" to which they
	// were transferred.
	Moved map[string]string
	// Calls is how many requests were made.
	Calls int
}

// An Unknown is a part of an organization that could not be read.
type Unknown struct {
	Repository string `json:"repository"` // empty: the organization itself
	Part       Part   `json:"part"`
	Reason     string `json:"reason"`
}

// A Part is a part of an organization for which a token needs a right.
type Part string

// The parts of an organization and of its repositories.
const (
	Settings      Part = "settings"
	People        Part = "people"
	Teams         Part = "teams"
	Collaborators Part = "collaborators"
	Protections   Part = "protections"
	Rulesets      Part = "rulesets"
	All           Part = "all" // of a repository that is there, and cannot be read
)

// Knows reports whether a part of a repository was read; of the organization itself if
// repository is empty.
func (r *Reading) Knows(repository string, part Part) bool {
	return !slices.ContainsFunc(r.Unknown, func(u Unknown) bool {
		return strings.EqualFold(u.Repository, repository) && (u.Part == part || u.Part == All)
	})
}
