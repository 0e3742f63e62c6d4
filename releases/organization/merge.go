package organization

import (
	"slices"
	"strings"
)

// Merge is the list as it has to be for GitHub to agree with it. What GitHub does
// not know stays as the list has it: the roles of repositories, the lines that
// build them, which branches and files they must have. What could not be read
// stays, too.
func Merge(list *List, has *Reading) *List {
	made := &List{
		Name: list.Name, URL: list.URL, AppliedBy: list.AppliedBy, Files: list.Files, People: has.Found.People, Teams: has.Found.Teams,
	}
	if made.BasePermission, made.TwoFactor = has.Found.BasePermission, has.Found.TwoFactor; !has.Knows("", Settings) {
		made.BasePermission, made.TwoFactor = list.BasePermission, list.TwoFactor
	}
	if !has.Knows("", People) {
		made.People = list.People
	}
	if !has.Knows("", Teams) {
		made.Teams = list.Teams
	}
	for _, found := range has.Found.Repositories {
		made.Repositories = append(made.Repositories, mergeRepository(list, has, found))
	}
	made.People = withMembers(made)
	return made
}

func mergeRepository(list *List, has *Reading, found Repository) Repository {
	listed, ok := list.Repository(oldName(list, has, found.Name))
	if !ok {
		listed.Role = guessRole(found.Name)
	}
	if !has.Knows(found.Name, All) {
		listed.Name = found.Name
		return listed
	}
	made := found
	made.Role, made.Lines = listed.Role, listed.Lines
	if !has.Knows("", Teams) {
		made.Teams = listed.Teams
	}
	if !has.Knows(found.Name, Collaborators) {
		made.People = listed.People
	}
	if !has.Knows(found.Name, Protections) {
		made.Protections = listed.Protections
	}
	if !has.Knows(found.Name, Rulesets) {
		made.Rulesets = listed.Rulesets
	}
	made.Files = ownFiles(list, made)
	return made
}

// ownFiles leaves out what the role of the repository demands already. An archived
// repository needs no files.
func ownFiles(list *List, r Repository) []string {
	if r.Archived {
		return nil
	}
	demanded := list.RequiredFiles(Repository{Role: r.Role})
	return slices.DeleteFunc(slices.Clone(r.Files), func(f string) bool { return slices.Contains(demanded, f) })
}

// guessRole is for a repository that the list does not have.
func guessRole(name string) string {
	if strings.HasPrefix(name, "mirror-") {
		return "mirror"
	}
	return "other"
}

// oldName is the name under which the list has a repository.
func oldName(list *List, has *Reading, name string) string {
	if _, ok := list.Repository(name); ok {
		return name
	}
	for old, now := range has.Renamed {
		if strings.EqualFold(now, name) {
			return old
		}
	}
	return name
}

// withMembers adds the members of teams who are not among the people: when only one
// of the two could be read.
func withMembers(o *List) []Person {
	people := slices.Clone(o.People)
	for _, t := range o.Teams {
		for _, m := range members(t) {
			if !slices.ContainsFunc(people, func(p Person) bool { return strings.EqualFold(p.Login, m.to) }) {
				people = append(people, Person{Login: m.to, Role: MemberRole})
			}
		}
	}
	return people
}
