package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A Schema is the JSON Schema (draft 2020-12) of a kind of file: the one place
// that says which shape its values have and what their defaults are. The keyword
// errorMessage, which editors know too, is what people are told where a value does
// not fit.
type Schema struct {
	text     []byte
	messages map[string]string // errorMessage by its schema's URL
	compiled func() (*jsonschema.Schema, error)
}

// NewSchema makes a schema of its text and of the formats that it names beside
// Formats. It is compiled when it is first used.
func NewSchema(text []byte, formats map[string]Format) *Schema {
	s := &Schema{text: text, messages: map[string]string{}}
	s.compiled = sync.OnceValues(func() (*jsonschema.Schema, error) {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
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
		root, err := c.Compile("schema.json")
		if err == nil {
			s.collect(doc, root.Location)
		}
		return root, err
	})
	return s
}

// collect notes the messages of a part of the schema.
func (s *Schema) collect(part any, at string) {
	switch part := part.(type) {
	case map[string]any:
		if text, ok := part["errorMessage"].(string); ok {
			s.messages[at] = text
		}
		for key, inner := range part {
			s.collect(inner, at+"/"+key)
		}
	case []any:
		for i, inner := range part {
			s.collect(inner, at+"/"+strconv.Itoa(i))
		}
	}
}

// Text is the schema as a file, for editors. The caller owns it.
func (s *Schema) Text() []byte { return slices.Clone(s.text) }

// A Checked is a value that was held against its schema, with all that is known to
// be wrong with it.
type Checked struct {
	root     *Node
	schema   *jsonschema.Schema
	problems []Problem
}

// Check holds a value against the schema. What is wrong with it joins the problems
// of its file that are known already.
func (s *Schema) Check(root *Node, known []Problem) (*Checked, error) {
	compiled, err := s.compiled()
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	c := &Checked{root: root, schema: compiled, problems: known}
	var bad *jsonschema.ValidationError
	if errors.As(compiled.Validate(root.plain()), &bad) {
		e := &explainer{messages: s.messages, schema: compiled, root: root}
		c.problems = append(c.problems, e.explain(bad)...)
	}
	return c, nil
}

// Add notes what is wrong with the value at a path, unless something is known of
// it, of one around it or of one in it: then this may only follow from that.
func (c *Checked) Add(p Path, format string, args ...any) {
	meets := func(known Problem) bool { return known.Path != nil && known.Path.meets(p) }
	if !c.root.isBad(p) && !slices.ContainsFunc(c.problems, meets) {
		c.problems = append(c.problems, c.root.Problem(p, format, args...))
	}
}

// Err is all problems, an *Error; nil if there are none.
func (c *Checked) Err() error { return Join(c.problems) }

// Decode fills in the schema's defaults and reads the value into a struct. What is
// unreadable is left out.
func (c *Checked) Decode(into any) error {
	err := json.Unmarshal(c.complete(c.root, c.schema, Path{}).json(), into)
	if len(c.problems) > 0 {
		return nil // it follows from them
	}
	return err
}

// complete is a value with the defaults of its schema and without what is
// unreadable.
func (c *Checked) complete(n *Node, schema *jsonschema.Schema, p Path) *Node {
	isIt := func(known Problem) bool { return known.unreadable && slices.Equal(known.Path, p) }
	if n.bad || slices.ContainsFunc(c.problems, isIt) {
		return &Node{}
	}
	m := &Node{Value: n.Value, Items: slices.Clone(n.Items)}
	for i, item := range n.Items {
		m.Items[i] = c.complete(item, below(schema, ""), p.To(i))
	}
	if n.Fields == nil {
		return m
	}
	m.Fields = []Field{}
	for _, f := range n.Fields {
		inner := below(schema, f.Key)
		if value := c.complete(f.Value, inner, p.To(f.Key)); !value.empty() || inner == nil || inner.Default != nil {
			m.Fields = append(m.Fields, Field{Key: f.Key, Value: value})
		}
	}
	if schema = follow(schema); schema == nil {
		return m
	}
	for key, inner := range schema.Properties {
		if inner.Default != nil && n.Get(key) == nil {
			m.Fields = append(m.Fields, Field{Key: key, Value: c.complete(byDefault(inner), inner, p.To(key))})
		}
	}
	return m
}

// Written is what a file would hold of a value that was decoded: without what is
// empty and has no other default, or without all that is the default.
func (s *Schema) Written(v any, withDefaults bool) (*Node, error) {
	compiled, err := s.compiled()
	if err != nil {
		return nil, err
	}
	root, err := fromValue(v)
	if err != nil {
		return nil, err
	}
	return root.without(compiled, withDefaults), nil
}

func (n *Node) without(schema *jsonschema.Schema, withDefaults bool) *Node {
	if schema == nil {
		return n
	}
	out := &Node{Value: n.Value, Items: slices.Clone(n.Items), Fields: slices.Clone(n.Fields)}
	for i, item := range n.Items {
		out.Items[i] = item.without(below(schema, ""), withDefaults)
	}
	for i, f := range n.Fields {
		out.Fields[i].Value = f.Value.without(below(schema, f.Key), withDefaults)
	}
	out.Fields = slices.DeleteFunc(out.Fields, func(f Field) bool {
		usual := byDefault(below(schema, f.Key))
		if usual.empty() {
			return f.Value.empty()
		}
		return f.Value.IsNull() || !withDefaults && reflect.DeepEqual(f.Value.plain(), usual.plain())
	})
	return out
}

// byDefault is the value of that schema if a file has none.
func byDefault(schema *jsonschema.Schema) *Node {
	if schema == nil || schema.Default == nil {
		return &Node{}
	}
	n, err := fromValue(*schema.Default)
	if err != nil {
		return &Node{} // it was read from JSON
	}
	return n
}

// below is the schema of a key's value, or of a list's entries; nil allows any value.
func below(schema *jsonschema.Schema, key string) *jsonschema.Schema {
	schema = follow(schema)
	switch {
	case schema == nil:
		return nil
	case schema.Items2020 != nil:
		return schema.Items2020
	case schema.Properties[key] != nil:
		return schema.Properties[key]
	}
	for _, others := range schema.PatternProperties { // ours have one
		return others
	}
	return nil
}

// follow is the schema that one refers to, or the schema itself.
func follow(schema *jsonschema.Schema) *jsonschema.Schema {
	for schema != nil && schema.Ref != nil {
		schema = schema.Ref
	}
	return schema
}
