package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A Schema is the JSON Schema (draft 2020-12) of a kind of file: the one place
// that says which shape its values have and what their defaults are. The keyword
// errorMessage, which editors know too, is what people are told where a value does
// not fit.
type Schema struct {
	text     []byte
	doc      object
	compiled func() (*jsonschema.Schema, error)
}

// An object is one schema, or a part of one, as it is written.
type object = map[string]any

// NewSchema makes a schema of its text and of the formats that it names beside
// Formats. It is compiled when it is first used.
func NewSchema(text []byte, formats map[string]Format) *Schema {
	s := &Schema{text: text}
	s.compiled = sync.OnceValues(func() (*jsonschema.Schema, error) {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		s.doc, _ = doc.(object)
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		for _, known := range []map[string]Format{Formats, formats} {
			for name, check := range known {
				c.RegisterFormat(&jsonschema.Format{Name: name, Validate: check})
			}
		}
		if err := c.AddResource("schema.json", doc); err != nil {
			return nil, err
		}
		return c.Compile("schema.json")
	})
	return s
}

// Text is the schema as a file, for editors. The caller owns it.
func (s *Schema) Text() []byte { return slices.Clone(s.text) }

// A Checked is a value that was held against its schema, with all that is known to
// be wrong with it.
type Checked struct {
	root     *Node
	schema   *Schema
	problems []Problem
}

// Check holds a value against the schema. What is wrong with it joins the problems
// of its file that are known already.
func (s *Schema) Check(root *Node, known []Problem) (*Checked, error) {
	compiled, err := s.compiled()
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	c := &Checked{root: root, schema: s, problems: known}
	var bad *jsonschema.ValidationError
	if errors.As(compiled.Validate(root.plain(false)), &bad) {
		c.problems = append(c.problems, s.explain(root, bad)...)
	}
	return c, nil
}

// Add notes what is wrong with the value at a path, unless something is known of
// it, of one around it or of one in it: then this may only follow from that.
func (c *Checked) Add(p Path, format string, args ...any) {
	meets := func(known Problem) bool { return known.Path != nil && known.Path.meets(p) }
	if !c.root.isBad(p) && !slices.ContainsFunc(c.problems, meets) {
		c.problems = append(c.problems, c.root.problem(p, false, format, args...))
	}
}

// Err is all problems; nil if there are none.
func (c *Checked) Err() error { return Join(c.problems) }

// Decode fills in the schema's defaults and reads the value into a struct. What is
// unreadable is left out.
func (c *Checked) Decode(into any) error {
	err := json.Unmarshal(c.complete(c.root, c.schema.doc, Path{}).json(), into)
	if len(c.problems) > 0 {
		return nil // it follows from them
	}
	return err
}

// complete is a value with the defaults of its schema and without what is
// unreadable.
func (c *Checked) complete(n *Node, schema object, p Path) *Node {
	isIt := func(known Problem) bool { return known.unreadable && slices.Equal(known.Path, p) }
	if n.bad || slices.ContainsFunc(c.problems, isIt) {
		return &Node{}
	}
	m := &Node{Value: n.Value, Items: slices.Clone(n.Items)}
	for i, item := range n.Items {
		m.Items[i] = c.complete(item, c.schema.below(schema, ""), p.To(i))
	}
	if n.Fields == nil {
		return m
	}
	m.Fields = []Field{}
	for _, f := range n.Fields {
		below := c.schema.below(schema, f.Key)
		if value := c.complete(f.Value, below, p.To(f.Key)); !value.empty() || below == nil || below["default"] != nil {
			m.Fields = append(m.Fields, Field{Key: f.Key, Value: value})
		}
	}
	for key, property := range c.schema.properties(schema) {
		property, _ := property.(object)
		if byDefault := defaultOf(property); byDefault != nil && n.Get(key) == nil {
			m.Fields = append(m.Fields, Field{Key: key, Value: c.complete(byDefault, property, p.To(key))})
		}
	}
	return m
}

// Written is what a file would hold of a value that was decoded: without what is
// empty and has no other default, or without all that is the default.
func (s *Schema) Written(v any, withDefaults bool) (*Node, error) {
	if _, err := s.compiled(); err != nil {
		return nil, err
	}
	root, err := fromValue(v)
	if err != nil {
		return nil, err
	}
	return s.written(root, s.doc, withDefaults), nil
}

func (s *Schema) written(n *Node, schema object, withDefaults bool) *Node {
	if schema == nil {
		return n
	}
	out := &Node{Value: n.Value, Items: slices.Clone(n.Items), Fields: slices.Clone(n.Fields)}
	for i, item := range n.Items {
		out.Items[i] = s.written(item, s.below(schema, ""), withDefaults)
	}
	for i, f := range n.Fields {
		out.Fields[i].Value = s.written(f.Value, s.below(schema, f.Key), withDefaults)
	}
	out.Fields = slices.DeleteFunc(out.Fields, func(f Field) bool {
		byDefault := defaultOf(s.below(schema, f.Key))
		if byDefault == nil || byDefault.empty() {
			return f.Value.empty()
		}
		return f.Value.IsNull() || !withDefaults && reflect.DeepEqual(f.Value.plain(false), byDefault.plain(false))
	})
	return out
}

// defaultOf is the default of a value of that schema; nil if it has none.
func defaultOf(schema object) *Node {
	value, ok := schema["default"]
	if !ok {
		return nil
	}
	n, err := fromValue(value)
	if err != nil {
		return nil // it was JSON before
	}
	return n
}

// below is the schema of a key's value, or of a list's entries; nil: any value fits.
func (s *Schema) below(schema object, key string) object {
	schema = s.follow(schema)
	if items, ok := schema["items"].(object); ok {
		return items
	}
	if property, ok := s.properties(schema)[key].(object); ok {
		return property
	}
	patterns, _ := schema["patternProperties"].(object)
	for _, property := range patterns { // ours have one
		property, _ := property.(object)
		return property
	}
	return nil
}

// properties are the schemas of a mapping's keys.
func (s *Schema) properties(schema object) object {
	all, _ := s.follow(schema)["properties"].(object)
	return all
}

// follow is the schema that one refers to, or the schema itself.
func (s *Schema) follow(schema object) object {
	for {
		ref, ok := schema["$ref"].(string)
		if !ok {
			return schema
		}
		schema = s.at(ref)
	}
}

// unescape undoes what JSON pointers do to keys.
var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// at is the schema at a URL, whose fragment is a JSON pointer.
func (s *Schema) at(address string) object {
	_, pointer, _ := strings.Cut(address, "#")
	if text, err := url.PathUnescape(pointer); err == nil {
		pointer = text
	}
	var at any = s.doc
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		switch inner := at.(type) {
		case object:
			if part != "" {
				at = inner[unescape.Replace(part)]
			}
		case []any: // of allOf
			if i, err := strconv.Atoi(part); err == nil && i < len(inner) {
				at = inner[i]
			}
		}
	}
	found, _ := at.(object)
	return found
}
