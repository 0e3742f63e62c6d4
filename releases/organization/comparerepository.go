package organization

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

func (c *comparer) repositories() {
	named := slices.Clone(c.list.Repositories)
	was := map[string]string{}
	gone := map[string]string{}
	maps.Copy(gone, c.has.Moved)
	for i, r := range named {
		to, ok := c.has.Renamed[r.Name]
		if _, both := c.list.Repository(to); ok && both {
			gone[r.Name] = c.list.Name + "/" + to // it is listed under both names
		} else if ok {
			was[to], named[i].Name = r.Name, to
		}
	}
	for _, s := range pair(named, c.has.Found.Repositories, func(r Repository) string { return r.Name }) {
		c.at = s.key
		switch {
		case s.listed == nil:
			c.differ(RepositoryRule, "repository", "", state(s.found))
			continue
		case s.found == nil:
			moved := gone[s.key]
			if moved != "" {
				moved = "moved to " + moved
			}
			c.differ(RepositoryRule, "repository", state(s.listed), moved)
			continue
		case was[s.found.Name] != "":
			c.differ(RepositoryRule, "name", was[s.found.Name], s.found.Name)
		}
		if c.has.Knows(s.key, All) {
			c.repository(*s.listed, *s.found)
		}
	}
}

func state(r *Repository) string {
	text := r.Visibility
	if r.Archived {
		text += ", archived"
	}
	return strings.TrimPrefix(text, ", ")
}

func (c *comparer) repository(listed, found Repository) {
	c.differ(SettingRule, "visibility", listed.Visibility, found.Visibility)
	c.differ(SettingRule, "archived", fmt.Sprint(listed.Archived), fmt.Sprint(found.Archived))
	if listed.DefaultBranch != "" {
		c.differ(SettingRule, "default branch", listed.DefaultBranch, found.DefaultBranch)
	}
	if listed.Description != "" {
		c.differ(SettingRule, "description", listed.Description, found.Description)
	}
	for _, branch := range listed.Branches {
		if branch != found.DefaultBranch && !slices.Contains(found.Branches, branch) {
			c.differ(BranchRule, "branch "+branch, "there", "")
		}
	}
	for _, file := range c.list.RequiredFiles(listed) {
		if !slices.Contains(found.Files, file) {
			c.differ(FileRule, "file "+file, "there", "")
		}
	}
	if c.has.Knows("", Teams) {
		c.grants(AccessRule, "team ", permissions(listed.Teams), permissions(found.Teams), c.teamIsGone) // which is said once
	}
	if c.has.Knows(found.Name, Collaborators) {
		c.grants(AccessRule, "person ", permissions(listed.People), permissions(found.People), nobody)
	}
	if c.has.Knows(found.Name, Protections) {
		c.protections(listed.Protections, found.Protections)
	}
	if c.has.Knows(found.Name, Rulesets) {
		c.rulesets(listed.Rulesets, found.Rulesets)
	}
}

// permissions are those of single teams or people.
func permissions(m map[string]string) []grant {
	var all []grant
	for to, permission := range m {
		all = append(all, grant{to, permission})
	}
	return all
}

func (c *comparer) protections(listed, found []Protection) {
	named(c, ProtectionRule, "protection ", listed, found, func(p Protection) string { return p.Pattern }, demands[Protection],
		func(subject string, listed, found Protection) { c.fields(subject, listed, found) })
}

func (c *comparer) rulesets(listed, found []Ruleset) {
	named(c, ProtectionRule, "ruleset ", listed, found, func(r Ruleset) string { return r.Name }, demands[Ruleset],
		func(subject string, listed, found Ruleset) {
			listed.ID = found.ID // it tells nothing about rules
			c.fields(subject, listed, found)
		})
}

// fields compares two structs field by field, by the names that the list gives them.
func (c *comparer) fields(subject string, listed, found any) {
	a, b := reflect.ValueOf(listed), reflect.ValueOf(found)
	for field := range a.Type().Fields() {
		x, y := a.FieldByIndex(field.Index), b.FieldByIndex(field.Index)
		name := subject + ": " + field.Tag.Get("json")
		if x.Kind() == reflect.Pointer && !x.IsNil() && !y.IsNil() {
			c.fields(name, x.Elem().Interface(), y.Elem().Interface())
			continue
		}
		c.differ(ProtectionRule, name, valueText(x), valueText(y))
	}
}

// valueText writes a value so that equal values have equal texts; the order of a
// list does not count.
func valueText(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return demands(v.Elem().Interface())
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = valueText(v.Index(i))
		}
		slices.Sort(parts)
		return strings.Join(parts, ", ")
	case reflect.Map:
		var parts []string
		for _, key := range v.MapKeys() {
			parts = append(parts, fmt.Sprintf("%v: %v", key, v.MapIndex(key)))
		}
		slices.Sort(parts)
		return strings.Join(parts, ", ")
	case reflect.Struct:
		return demands(v.Interface())
	}
	return fmt.Sprint(v.Interface())
}

// demands lists the rules of a protection, in one line.
func demands[T any](value T) string {
	v := reflect.ValueOf(value)
	var parts []string
	for field := range v.Type().Fields() {
		name, x := field.Tag.Get("json"), v.FieldByIndex(field.Index)
		text := valueText(x)
		switch {
		case x.IsZero(), text == "", name == "id", name == "name", name == "pattern":
		case x.Kind() == reflect.Bool:
			parts = append(parts, name)
		default:
			parts = append(parts, name+" "+text)
		}
	}
	if len(parts) == 0 {
		return "demands nothing"
	}
	return strings.Join(parts, "; ")
}
