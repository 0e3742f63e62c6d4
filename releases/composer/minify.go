package composer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// MinifiedFormat is what "minified" says of a metadata file in which each version states
// only how it differs from the one before it; Composer\MetadataMinifier reads and
// writes it.
const MinifiedFormat = "composer/2.0"

// unset is what a minified version has for a field that the one before it has and it has
// not.
const unset = `"__unset"`

// Fields are the fields of one version in repository metadata, in byte order of their
// keys. They are not changed in place.
type Fields []Field

// A Field is one of them; its value is JSON as it was written.
type Field struct {
	Key   string
	Value jsontext.Value
}

// ParseFields reads a version, or what a minified one states. The values share its
// bytes.
func ParseFields(entry []byte) (Fields, error) {
	tokens := jsontext.NewDecoder(bytes.NewBuffer(entry)) // a Buffer is read in place
	if token, err := tokens.ReadToken(); err != nil || token.Kind() != jsontext.KindBeginObject {
		return nil, fmt.Errorf("a version is no JSON object: %.80q", entry)
	}
	fields := make(Fields, 0, 16)
	for tokens.PeekKind() != jsontext.KindEndObject {
		token, err := tokens.ReadToken()
		if err != nil {
			return nil, fmt.Errorf("a version is no JSON object: %w", err)
		}
		key := token.String()
		value, err := tokens.ReadValue()
		if err != nil {
			return nil, fmt.Errorf("a version is no JSON object: %w", err)
		}
		at := int(tokens.InputOffset())
		fields = append(fields, Field{key, entry[at-len(value) : at : at]})
	}
	if _, err := tokens.ReadToken(); err != nil {
		return nil, fmt.Errorf("a version is no JSON object: %w", err)
	}
	if _, err := tokens.ReadToken(); err != io.EOF {
		return nil, fmt.Errorf("a version has more behind its JSON object: %.80q", entry)
	}
	slices.SortFunc(fields, func(a, b Field) int { return strings.Compare(a.Key, b.Key) })
	return fields, nil
}

// get is the value of a field; nil if there is none.
func (f Fields) get(key string) jsontext.Value {
	at, ok := slices.BinarySearchFunc(f, key, func(field Field, key string) int { return strings.Compare(field.Key, key) })
	if !ok {
		return nil
	}
	return f[at].Value
}

// Text is the value of a field that is a text; empty if it is none.
func (f Fields) Text(key string) string {
	var text string
	if json.Unmarshal(f.get(key), &text) != nil {
		return ""
	}
	return text
}

// Type is the version's type, as Composer has it: a library if it says none.
func (f Fields) Type() string { return cmp.Or(f.Text("type"), "library") }

// Equal reports whether both have the same fields, written the same.
func (f Fields) Equal(other Fields) bool {
	return slices.EqualFunc(f, other, func(a, b Field) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) })
}

// Expand gives the version that comes after this one and is stated by a minified entry.
// After none at all comes the entry itself, but for fields that Composer takes for none.
func (f Fields) Expand(minified Fields) Fields {
	expanded := make(Fields, 0, len(f)+len(minified))
	for _, field := range f {
		if minified.get(field.Key) == nil {
			expanded = append(expanded, field)
		}
	}
	for _, field := range minified {
		if string(field.Value) != unset {
			expanded = append(expanded, field)
		}
	}
	slices.SortFunc(expanded, func(a, b Field) int { return strings.Compare(a.Key, b.Key) })
	return expanded
}

// Minify writes a version that Expand gave, as it differs from the one before it; after
// none, whole.
func (f Fields) Minify(before Fields) []byte {
	var b bytes.Buffer
	separator := byte('{')
	write := func(key string, value []byte) {
		text, _ := json.Marshal(key) // a string always can be written
		b.WriteByte(separator)
		b.Write(text)
		b.WriteByte(':')
		b.Write(value)
		separator = ','
	}
	for _, field := range f {
		if !bytes.Equal(field.Value, before.get(field.Key)) {
			write(field.Key, field.Value)
		}
	}
	for _, field := range before {
		if f.get(field.Key) == nil {
			write(field.Key, []byte(unset))
		}
	}
	if separator == '{' {
		b.WriteByte(separator)
	}
	b.WriteByte('}')
	return b.Bytes()
}
