package organization

import (
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/github"
)

// Merge is the list as it has to be for GitHub to agree with it. What GitHub does
// not know stays as the list has it: the roles of repositories, the lines that
// build them, which branches and files they must have. What could not be read
// stays, too.
func Merge(list *releases.Organization, has *github.Reading) *releases.Organization {
	made := &releases.Organization{
		Name: list.Name, URL: list.URL, Files: list.Files, People: has.Organization.People, Teams: has.Organization.Teams,
	}
	if made.BasePermission, made.TwoFactor = has.Organization.BasePermission, has.Organization.TwoFactor; !has.Knows("", github.Settings) {
		made.BasePermission, made.TwoFactor = list.BasePermission, list.TwoFactor
	}
	if !has.Knows("", github.People) {
		made.People = list.People
	}
	if !has.Knows("", github.Teams) {
		made.Teams = list.Teams
	}
	for _, found := range has.Organization.Repositories {
		made.Repositories = append(made.Repositories, mergeRepository(list, has, found))
	}
	made.People = withMembers(made)
	return made
}

func mergeRepository(list *releases.Organization, has *github.Reading, found releases.ListedRepository) releases.ListedRepository {
	listed, ok := list.Repository(oldName(list, has, found.Name))
	if !ok {
		listed.Role = guessRole(found.Name)
	}
	if !has.Knows(found.Name, github.All) {
		listed.Name = found.Name
		return listed
	}
	made := found
	made.Role, made.Lines = listed.Role, listed.Lines
	if !has.Knows("", github.Teams) {
		made.Teams = listed.Teams
	}
	if !has.Knows(found.Name, github.Collaborators) {
		made.People = listed.People
	}
	if !has.Knows(found.Name, github.Protections) {
		made.Protections = listed.Protections
	}
	if !has.Knows(found.Name, github.Rulesets) {
		made.Rulesets = listed.Rulesets
	}
	made.Files = ownFiles(list, made)
	return made
}

// ownFiles leaves out what the role of the repository demands already. An archived
// repository needs no files.
func ownFiles(list *releases.Organization, r releases.ListedRepository) []string {
	if r.Archived {
		return nil
	}
	demanded := list.RequiredFiles(releases.ListedRepository{Role: r.Role})
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
func oldName(list *releases.Organization, has *github.Reading, name string) string {
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
func withMembers(o *releases.Organization) []releases.Person {
	people := slices.Clone(o.People)
	for _, t := range o.Teams {
		for _, m := range memberships(t) {
			if !slices.ContainsFunc(people, func(p releases.Person) bool { return strings.EqualFold(p.Login, m.login) }) {
				people = append(people, releases.Person{Login: m.login, Role: releases.MemberRole})
			}
		}
	}
	return people
}
