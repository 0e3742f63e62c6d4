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
	schema *Schema
	root   *Node
	found  []finding
	meant  []Path // of keys that misspelt ones were probably meant to be
}

// A finding is a problem and how little it says: of several with one value the one
// that says most counts.
type finding struct {
	Problem
	vague int
}

func (s *Schema) explain(root *Node, bad *jsonschema.ValidationError) []Problem {
	e := &explainer{schema: s, root: root}
	e.collect(bad)
	slices.SortStableFunc(e.found, func(a, b finding) int {
		return cmp.Or(slices.Compare(a.Path, b.Path), cmp.Compare(a.vague, b.vague), cmp.Compare(a.Text, b.Text))
	})
	var problems []Problem
	for i, f := range e.found {
		again := i > 0 && slices.Equal(f.Path, e.found[i-1].Path)
		isMeant := slices.ContainsFunc(e.meant, func(p Path) bool { return slices.Equal(p, f.Path) })
		if !again && !isMeant && !root.isBad(f.Path) {
			problems = append(problems, f.Problem)
		}
	}
	return problems
}

// collect goes down to what is wrong in the end.
func (e *explainer) collect(err *jsonschema.ValidationError) {
	p := Path(err.InstanceLocation)
	vague, atKey, unreadable := 0, false, false
	add := func(p Path, format string, args ...any) {
		e.found = append(e.found, finding{e.root.problem(p, atKey, format, args...), vague})
		e.found[len(e.found)-1].unreadable = unreadable
	}
	n, schema := e.root.at(p), e.schema.at(err.SchemaURL)
	switch k := err.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.Reference, *kind.AllOf:
		for _, cause := range err.Causes {
			e.collect(cause)
		}
	case *kind.AdditionalProperties:
		atKey = true
		keys := slices.Sorted(maps.Keys(e.schema.properties(schema)))
		for _, key := range k.Properties {
			switch near, ok := Nearest(key, keys); {
			case ok:
				add(p.To(key), "unknown key, did you mean %s?", near)
				// Where one of several keys is wanted, it is this one.
				e.meant = append(e.meant, p, p.To(near))
			case len(keys) > 0:
				add(p.To(key), "unknown key; the keys here are %s", strings.Join(keys, ", "))
			default:
				add(p.To(key), "%s", misfit(&Node{Value: key}, schema, err))
			}
		}
	case *kind.Required:
		for _, key := range k.Missing {
			add(p.To(key), "is missing%s", e.purpose(p.To(key)))
		}
	case *kind.DependentRequired:
		add(p.To(k.Prop), "needs %s, too", strings.Join(k.Missing, ", "))
	case *kind.UniqueItems:
		p = p.To(k.Duplicates[1])
		add(p, "stands in the list twice")
	case *kind.Format:
		unreadable = n.Fields != nil
		add(p, "%v", k.Err)
	case *kind.Type:
		unreadable = true
		add(p, "%s", misfitType(n, k.Want))
	case *kind.Enum:
		var names []string
		for _, name := range k.Want {
			names = append(names, fmt.Sprint(name))
		}
		add(p, "%.100q is unknown%s", n.Text(), Suggest(n.Text(), names))
	default:
		vague = 1
		add(p, "%s", misfit(n, schema, err))
	}
}

// purpose is what a key is for: the first sentence of its description.
func (e *explainer) purpose(p Path) string {
	schema := e.schema.doc
	for _, part := range p {
		schema = e.schema.below(schema, part)
	}
	text, ok := schema["description"].(string)
	if !ok {
		text, _ = e.schema.follow(schema)["description"].(string)
	}
	if text, _, _ = strings.Cut(text, ". "); text != "" {
		text = ": " + strings.ToLower(text[:1]) + strings.TrimSuffix(text[1:], ".")
	}
	return text
}

// misfit is the schema's own message, or the library's.
func misfit(n *Node, schema object, err *jsonschema.ValidationError) string {
	text, ok := schema["errorMessage"].(string)
	isWanted := strings.HasPrefix(text, "want ")
	switch {
	case n.Value == "" && (isWanted || !ok):
		return "is empty"
	case !ok:
		return err.ErrorKind.LocalizedString(message.NewPrinter(language.English))
	case isWanted && n.Value != nil:
		if value, ok := n.Value.(string); ok {
			return fmt.Sprintf("%.100q: %s", value, text)
		}
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
