package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// An explainer says for people what a schema refused.
type explainer struct {
	messages map[string]string
	schema   *jsonschema.Schema
	root     *Node
	found    []Problem
	meant    []Path // of keys that misspelt ones were probably meant to be
}

func (e *explainer) explain(bad *jsonschema.ValidationError) []Problem {
	e.collect(bad)
	return slices.DeleteFunc(slices.Clone(e.found), func(p Problem) bool {
		isMeant := slices.ContainsFunc(e.meant, func(meant Path) bool { return slices.Equal(meant, p.Path) })
		better := slices.ContainsFunc(e.found, func(other Problem) bool { return p.vague && !other.vague && slices.Equal(other.Path, p.Path) })
		return isMeant || better || e.root.isBad(p.Path)
	})
}

// collect goes down to what is wrong in the end.
func (e *explainer) collect(err *jsonschema.ValidationError) {
	p := Path(err.InstanceLocation)
	add := func(p Path, format string, args ...any) *Problem {
		e.found = append(e.found, e.root.Problem(p, format, args...))
		return &e.found[len(e.found)-1]
	}
	n := e.root.at(p)
	switch k := err.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.Reference, *kind.AllOf:
		for _, cause := range err.Causes {
			e.collect(cause)
		}
	case *kind.AdditionalProperties:
		for _, key := range k.Properties {
			add(p.To(key), "%s", e.unknown(p, key, err)).Place = n.Field(key).Place
		}
	case *kind.Required:
		for _, key := range k.Missing {
			add(p.To(key), "is missing%s", e.purpose(p.To(key)))
		}
	case *kind.DependentRequired:
		add(p.To(k.Prop), "needs %s, too", strings.Join(k.Missing, ", "))
	case *kind.UniqueItems:
		add(p.To(k.Duplicates[1]), "stands in the list twice")
	case *kind.Format:
		add(p, "%v", k.Err).unreadable = n.Fields != nil
	case *kind.Type:
		add(p, "%s", misfitType(n, k.Want)).unreadable = true
	case *kind.Enum:
		var names []string
		for _, name := range k.Want {
			names = append(names, fmt.Sprint(name))
		}
		add(p, "%.100q is unknown%s", n.Text(), Suggest(n.Text(), names))
	default:
		add(p, "%s", e.misfit(n, err)).vague = true
	}
}

// at is the schema of the value at a path.
func (e *explainer) at(p Path) *jsonschema.Schema {
	schema := e.schema
	for _, part := range p {
		schema = below(schema, part)
	}
	return schema
}

// unknown tells of a key that the schema does not have.
func (e *explainer) unknown(p Path, key string, err *jsonschema.ValidationError) string {
	keys := slices.Sorted(maps.Keys(follow(e.at(p)).Properties))
	if near, ok := Nearest(key, keys); ok {
		e.meant = append(e.meant, p.To(near), p) // where one of several keys is wanted, it is this one
		return "unknown key, did you mean " + near + "?"
	}
	if len(keys) == 0 {
		return e.misfit(&Node{Value: key}, err)
	}
	return "unknown key; the keys here are " + strings.Join(keys, ", ")
}

// purpose is the purpose of a key: the first sentence of its description.
func (e *explainer) purpose(p Path) string {
	schema := e.at(p)
	if schema == nil {
		return ""
	}
	text, _, _ := strings.Cut(cmp.Or(schema.Description, follow(schema).Description), ". ")
	if text == "" {
		return ""
	}
	return ": " + strings.ToLower(text[:1]) + strings.TrimSuffix(text[1:], ".")
}

// misfit is the schema's own message, or the library's.
func (e *explainer) misfit(n *Node, err *jsonschema.ValidationError) string {
	text, ok := e.messages[err.SchemaURL]
	isWanted := strings.HasPrefix(text, "want ")
	switch value, isText := n.Value.(string); {
	case n.Value == "" && (isWanted || !ok):
		return "is empty"
	case !ok:
		return err.ErrorKind.LocalizedString(message.NewPrinter(language.English))
	case isWanted && isText:
		return fmt.Sprintf("%.100q: %s", value, text)
	case isWanted && n.Value != nil:
		return fmt.Sprintf("%v: %s", n.Value, text)
	}
	return text
}

// typeNames are the types of JSON as people call them.
var typeNames = map[string]string{
	"string": "text", "array": "a list", "object": "a mapping", "boolean": "true or false", "integer": "a whole number", "number": "a number",
}

func misfitType(n *Node, want []string) string {
	var names []string
	for _, t := range want {
		if t != "null" {
			names = append(names, typeNames[t])
		}
	}
	is, wanted := "empty", oneOf(names)
	switch _, isText := n.Value.(string); {
	case n.Fields != nil:
		is = "a mapping"
	case n.Items != nil:
		is = "a list"
	case isText:
		is = "text"
	case n.Value != nil:
		is = fmt.Sprint(n.Value)
		if wanted == "text" {
			wanted += ": put it in quotes"
		}
	}
	return "is " + is + ", want " + wanted
}
