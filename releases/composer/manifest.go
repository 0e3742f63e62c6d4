package composer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// A Manifest is a composer.json whose keys keep their order. The zero Manifest is an empty one. It is not safe for use by several goroutines when one of
// them changes it; Clone gives each its own.
type Manifest struct {
	root object
}

// NewManifest is an empty composer.json.
func NewManifest() *Manifest { return &Manifest{} }

// ParseManifest reads a composer.json: a JSON object in UTF-8, with or without a byte order mark, of at most 8 MiB and
// 128 levels. A key that appears twice is an error, since PHP would silently take the last. "name", "version" and
// "type" have to be text, the sections of Links objects of text. Errors begin with line and column.
func ParseManifest(data []byte) (*Manifest, error) {
	root, err := decodeObject(data, maxManifest, checkMember)
	if err != nil {
		return nil, fmt.Errorf("read composer.json: %w", err)
	}
	return &Manifest{root: root}, nil
}

// checkMember makes sure of the values that Manifest's methods give out.
func checkMember(f Field) error {
	switch f.Key {
	case "name", "version", "type":
		if f.Value.Kind() != jsontext.KindString {
			return fmt.Errorf("%q is %s, want text", f.Key, kindOf(f.Value))
		}
		return nil
	}
	if !slices.Contains(sections, Section(f.Key)) || string(f.Value) == "[]" { // PHP writes an empty object so when it forgot that it was one
		return nil
	}
	links, ok := objectOf(f.Value)
	if !ok {
		return fmt.Errorf("%q is %s, want an object of package names and constraints", f.Key, kindOf(f.Value))
	}
	for _, link := range links {
		if link.Value.Kind() != jsontext.KindString {
			return fmt.Errorf("%q of %q is %s, want text", link.Key, f.Key, kindOf(link.Value))
		}
	}
	return nil
}

// Name is the "name", "" when absent. It is not checked; see ParseName.
func (m *Manifest) Name() string { return m.text("name", "") }

// Version is the "version", "" when absent. It is not checked; see ParseVersion.
func (m *Manifest) Version() string { return m.text("version", "") }

// Type is the "type", "library" when absent, as Composer has it.
func (m *Manifest) Type() string { return m.text("type", "library") }

func (m *Manifest) text(key, absent string) string {
	if text, ok := textOf(m.root.get(key)); ok {
		return text
	}
	return absent
}

// Get is the value of a key as compact JSON, and whether the key is there. The caller owns it.
func (m *Manifest) Get(key string) (json.RawMessage, bool) {
	value := m.root.get(key)
	return json.RawMessage(bytes.Clone(value)), value != nil
}

// Set gives key a value: anything that json.Marshal takes, a *Manifest and json.RawMessage among it, whose order is
// kept. A key that is there keeps its place; a new one goes to the end.
func (m *Manifest) Set(key string, value any) error {
	f, err := memberOf(key, value)
	if err == nil {
		m.root.set(key, f.Value)
	}
	return err
}

// SetAfter is Set, but puts the key right behind the key after, also when it was elsewhere; to the end when there is
// no such key.
func (m *Manifest) SetAfter(after, key string, value any) error {
	f, err := memberOf(key, value)
	if err != nil {
		return err
	}
	if after != key {
		m.Delete(key)
		at := m.root.index(after) + 1
		if at == 0 {
			at = len(m.root)
		}
		m.root = slices.Insert(m.root, at, Field{Key: key})
	}
	m.root.set(key, f.Value)
	return nil
}

// Delete removes keys; those that are not there do not matter.
func (m *Manifest) Delete(keys ...string) { m.root.delete(keys...) }

// Keys are the keys in their order. The caller owns the slice.
func (m *Manifest) Keys() []string {
	keys := make([]string, 0, len(m.root))
	for _, f := range m.root {
		keys = append(keys, f.Key)
	}
	return keys
}

// Clone is a copy that can be changed alone.
func (m *Manifest) Clone() *Manifest { return &Manifest{root: slices.Clone(m.root)} }

// Encode writes composer.json as Composer itself does: four blanks of indentation, slashes and Unicode as they are,
// empty objects and lists kept apart, numbers as they were written, and a line break at the end.
func (m *Manifest) Encode() []byte {
	text, _ := jsontext.AppendFormat(nil, m.root.text(), append(asComposer, jsontext.WithIndent("    "))...) // it is JSON
	return append(text, '\n')
}

// MarshalJSON writes the manifest compactly, in its order.
func (m *Manifest) MarshalJSON() ([]byte, error) { return m.root.text(), nil }

// UnmarshalJSON reads as ParseManifest does.
func (m *Manifest) UnmarshalJSON(data []byte) error {
	parsed, err := ParseManifest(data)
	if err != nil {
		return err
	}
	m.root = parsed.root
	return nil
}

// Equal says whether both have the same keys and values in the same order.
func (m *Manifest) Equal(other *Manifest) bool {
	if m == nil || other == nil {
		return m == other
	}
	return bytes.Equal(m.root.text(), other.root.text())
}

// memberOf is a member that a manifest may have.
func memberOf(key string, value any) (Field, error) {
	f := Field{Key: key}
	var err error
	if f.Value, err = decodable(value); err == nil {
		err = checkMember(f)
	}
	if err != nil {
		return f, fmt.Errorf("set %q of composer.json: %w", key, err)
	}
	return f, nil
}

// decodable turns any value into one that object holds.
func decodable(value any) (jsontext.Value, error) {
	if text, ok := value.(string); ok {
		return quote(text), nil
	}
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	wrapped, err := decodeObject(slices.Concat([]byte(`{"":`), data, []byte(`}`)), maxManifest, nil)
	if err != nil {
		return nil, err
	}
	return wrapped[0].Value, nil
}
