package releases

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// organizationHead begins every written list.
const organizationHead = "# yaml-language-server: $schema=organization.schema.json\n"

// YAML writes the list as a file, in a stable order. What is a default is left out.
func (o *Organization) YAML(comment string) ([]byte, error) {
	plain, err := o.clone()
	if err != nil {
		return nil, err
	}
	plain.Sort()
	plain.leaveOutDefaults()
	text, err := yaml.MarshalWithOptions(shortened(reflect.ValueOf(*plain)), yaml.IndentSequence(true))
	if err != nil {
		return nil, err
	}
	head := organizationHead
	for line := range strings.Lines(comment) {
		head += "# " + strings.TrimRight(line, "\n") + "\n"
	}
	return append([]byte(head), text...), nil
}

// clone copies the list by way of its own form.
func (o *Organization) clone() (*Organization, error) {
	text, err := yaml.Marshal(shortened(reflect.ValueOf(*o)))
	if err != nil {
		return nil, err
	}
	return ParseOrganization("", text)
}

// shortened is a value without what is empty, its keys in the order of the fields.
func shortened(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		return shortened(v.Elem())
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = shortened(v.Index(i))
		}
		return list
	case reflect.Struct:
		pairs := yaml.MapSlice{}
		for field := range v.Type().Fields() {
			value := v.FieldByIndex(field.Index)
			empty := value.IsZero() || (value.Kind() == reflect.Slice || value.Kind() == reflect.Map) && value.Len() == 0
			if !empty {
				pairs = append(pairs, yaml.MapItem{Key: field.Tag.Get("json"), Value: shortened(value)})
			}
		}
		return pairs
	case reflect.Map:
		pairs := yaml.MapSlice{}
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
		for _, key := range keys {
			pairs = append(pairs, yaml.MapItem{Key: key.String(), Value: v.MapIndex(key).Interface()})
		}
		return pairs
	}
	return v.Interface()
}

func (o *Organization) leaveOutDefaults() {
	leave := func(text *string, value string) {
		if *text == value {
			*text = ""
		}
	}
	leave(&o.URL, defaultURL)
	for i := range o.People {
		leave(&o.People[i].Role, MemberRole)
	}
	for i := range o.Teams {
		leave(&o.Teams[i].Name, o.Teams[i].Slug)
		leave(&o.Teams[i].Privacy, ClosedTeam)
	}
	for i := range o.Repositories {
		r := &o.Repositories[i]
		leave(&r.Visibility, defaultVisibility)
		for j := range r.Rulesets {
			leave(&r.Rulesets[j].Target, defaultTarget)
			leave(&r.Rulesets[j].Enforcement, defaultEnforcement)
			for k := range r.Rulesets[j].Bypass {
				leave(&r.Rulesets[j].Bypass[k].Mode, defaultBypass)
			}
		}
	}
}

// Sort puts all that has no order of its own into byte order.
func (o *Organization) Sort() {
	byLogin := func(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) }
	slices.SortFunc(o.People, func(a, b Person) int { return byLogin(a.Login, b.Login) })
	slices.SortFunc(o.Teams, func(a, b Team) int { return cmp.Compare(a.Slug, b.Slug) })
	slices.SortFunc(o.Repositories, func(a, b ListedRepository) int { return byLogin(a.Name, b.Name) })
	for i := range o.Teams {
		slices.SortFunc(o.Teams[i].Maintainers, byLogin)
		slices.SortFunc(o.Teams[i].Members, byLogin)
	}
	for i := range o.Repositories {
		r := &o.Repositories[i]
		for _, list := range [][]string{r.Lines, r.Branches, r.Files} {
			slices.Sort(list)
		}
		slices.SortFunc(r.Protections, func(a, b Protection) int { return cmp.Compare(a.Pattern, b.Pattern) })
		slices.SortFunc(r.Rulesets, func(a, b Ruleset) int { return cmp.Compare(a.Name, b.Name) })
		for _, p := range r.Protections {
			for _, list := range [][]string{p.Dismissals, p.BypassPullRequests, p.Checks, p.Push, p.BypassForcePushes} {
				slices.Sort(list)
			}
		}
		for _, s := range r.Rulesets {
			for _, list := range [][]string{s.Include, s.Exclude, s.Rules, s.Other} {
				slices.Sort(list)
			}
			if s.Checks != nil {
				slices.Sort(s.Checks.Contexts)
			}
			slices.SortFunc(s.Bypass, func(a, b BypassRule) int { return cmp.Or(cmp.Compare(a.Actor, b.Actor), cmp.Compare(a.Mode, b.Mode)) })
		}
	}
}
