// Package config reads YAML files whose shape a JSON Schema says. Every value
// knows where it stands, so that each problem names a file, a line and a column,
// and what was probably meant.
package config

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A Place is where something stands. Line and Column are counted from 1, Column in
// characters; they are 0 where they are not known.
type Place struct {
	File         string
	Line, Column int
}

// A Node is one value of a file. It can be part of several others (an anchor's
// value is), so it does not change once it was read.
type Node struct {
	Place
	Value  any     // of a scalar: string, bool, json.Number or nil
	Fields []Field // of a mapping, in the order of the file; nil: it is none
	Items  []*Node // of a list; nil: it is none
	bad    bool    // it could not be read, which was said already
	size   int     // how many values it is, aliases followed
}

// A Field is a key of a mapping and its value. Its place is the key's.
type Field struct {
	Place
	Key   string
	Value *Node
}

// Field is a key and its value; the zero Field if there is none.
func (n *Node) Field(key string) Field {
	if n != nil {
		for _, f := range n.Fields {
			if f.Key == key {
				return f
			}
		}
	}
	return Field{}
}

// Get is the value of a key; nil if there is none.
func (n *Node) Get(key string) *Node { return n.Field(key).Value }

// Text is the text of a scalar; "" of anything else.
func (n *Node) Text() string {
	if n == nil {
		return ""
	}
	text, _ := n.Value.(string)
	return text
}

// child is the value that one part of a Path leads to; nil if there is none.
func (n *Node) child(part string) *Node {
	if n != nil && n.Items != nil {
		if i, err := strconv.Atoi(part); err == nil && i < len(n.Items) {
			return n.Items[i]
		}
		return nil
	}
	return n.Get(part)
}

// at is the value at a path; nil if there is none.
func (n *Node) at(p Path) *Node {
	for _, part := range p {
		n = n.child(part)
	}
	return n
}

// IsNull says whether there is nothing: null, or no value behind a key.
func (n *Node) IsNull() bool { return n.Value == nil && n.Fields == nil && n.Items == nil }

// empty says whether a value is null, "", false, or without content.
func (n *Node) empty() bool {
	return len(n.Fields)+len(n.Items) == 0 && (n.Value == nil || n.Value == "" || n.Value == false)
}

// plain is the value as libraries take it.
func (n *Node) plain() any {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(n.json()))
	if err != nil {
		return nil // it is JSON
	}
	return value
}

// ordered is the value with its mappings in their order.
func (n *Node) ordered() any {
	switch {
	case n.Fields != nil:
		pairs := make(yaml.MapSlice, len(n.Fields))
		for i, f := range n.Fields {
			pairs[i] = yaml.MapItem{Key: f.Key, Value: f.Value.ordered()}
		}
		return pairs
	case n.Items != nil:
		list := make([]any, len(n.Items))
		for i, item := range n.Items {
			list[i] = item.ordered()
		}
		return list
	}
	if number, ok := n.Value.(json.Number); ok {
		return yaml.RawMessage(number)
	}
	return n.Value
}

// YAML writes the value as a file, its keys in their order.
func (n *Node) YAML() ([]byte, error) {
	return yaml.MarshalWithOptions(n.ordered(), yaml.IndentSequence(true))
}

// json writes the value as JSON, its keys in their order.
func (n *Node) json() []byte {
	var parts [][]byte
	switch {
	case n.Fields != nil:
		for _, f := range n.Fields {
			parts = append(parts, slices.Concat((&Node{Value: f.Key}).json(), []byte(":"), f.Value.json()))
		}
		return slices.Concat([]byte("{"), bytes.Join(parts, []byte(",")), []byte("}"))
	case n.Items != nil:
		for _, item := range n.Items {
			parts = append(parts, item.json())
		}
		return slices.Concat([]byte("["), bytes.Join(parts, []byte(",")), []byte("]"))
	}
	text, err := json.Marshal(n.Value)
	if err != nil {
		return []byte("null") // no scalar that was read
	}
	return text
}

// fromValue is a value that was decoded before, without places.
func fromValue(v any) (*Node, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	r := &jsonReader{Decoder: json.NewDecoder(bytes.NewReader(data))}
	r.UseNumber()
	return r.node(), r.err
}

// A jsonReader makes nodes of JSON.
type jsonReader struct {
	*json.Decoder
	err error
}

func (r *jsonReader) token() json.Token {
	token, err := r.Token()
	r.err = cmp.Or(r.err, err)
	return token
}

func (r *jsonReader) node() *Node {
	n := &Node{Value: r.token()}
	switch n.Value {
	case json.Delim('{'):
		n = &Node{Fields: []Field{}}
		for r.err == nil && r.More() {
			key, _ := r.token().(string)
			n.Fields = append(n.Fields, Field{Key: key, Value: r.node()})
		}
		r.token()
	case json.Delim('['):
		n = &Node{Items: []*Node{}}
		for r.err == nil && r.More() {
			n.Items = append(n.Items, r.node())
		}
		r.token()
	}
	return n
}
