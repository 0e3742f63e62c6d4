package composer

import (
	"bytes"
	"cmp"
	"fmt"
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

func byKey(a, b Field) int { return strings.Compare(a.Key, b.Key) }

// ParseFields reads a version, or what a minified one states. The values share its
// bytes.
func ParseFields(entry []byte) (Fields, error) {
	fields := make(Fields, 0, 16)
	err := eachMember(entry, func(f Field) error {
		fields = append(fields, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("a version is no JSON object: %w", err)
	}
	slices.SortFunc(fields, byKey)
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
	text, _ := textOf(f.get(key))
	return text
}

// Type is the version's type, as Composer has it: a library if it says none.
func (f Fields) Type() string { return cmp.Or(f.Text("type"), "library") }

// Equal reports whether both have the same fields, written the same.
func (f Fields) Equal(other Fields) bool {
	return slices.EqualFunc(f, other, func(a, b Field) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) })
}

// Publishable is an error that says why the version does not belong into a repository: Composer cannot load it, and
// then no version of its package, or it has keys that Composer obeys as the repository's word and we do not write. The
// keys of Adopted may stand in a version that was adopted.
func (f Fields) Publishable(adopted bool) error {
	m, err := ParseManifest(object(f).text())
	if err == nil {
		err = m.Loadable()
	}
	if err != nil {
		return fmt.Errorf("no package that Composer loads: %w", err)
	}
	m.Delete("dist", "version_normalized")
	if adopted {
		m.Delete(Adopted...)
	}
	if keys := m.Unauthored(); len(keys) > 0 {
		return fmt.Errorf("keys %q, which Composer obeys as the word of the repository", keys)
	}
	return nil
}

// Adopted are the keys, beside "dist", that are a repository's word and stay when it is adopted.
var Adopted = []string{"source", "default-branch"}

// Adopt is a version as it stays when its repository is adopted: without keys that Composer obeys and this program does
// not write, as "notification-url".
func (f Fields) Adopt() Fields {
	keep := append([]string{"dist", "version_normalized"}, Adopted...)
	return slices.DeleteFunc(slices.Clone(f), func(field Field) bool {
		return !slices.Contains(authored, field.Key) && !slices.Contains(keep, field.Key)
	})
}

// At is the version with the time at which its commit was made, if that is known and the version says none itself.
func (f Fields) At(time string) Fields {
	if time == "" || f.get("time") != nil {
		return f
	}
	return f.Expand(Fields{{"time", quote(time)}})
}

// Dist is the version's archive; nil if it has none.
func (f Fields) Dist() (*Dist, error) { return distOf(object(f)) }

// JSON is the version as it is written.
func (f Fields) JSON() jsontext.Value { return object(f).text() }

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
	slices.SortFunc(expanded, byKey)
	return expanded
}

// Minify writes a version that Expand gave, as it differs from the one before it; after
// none, whole.
func (f Fields) Minify(before Fields) []byte {
	var changed object
	for _, field := range f {
		if !bytes.Equal(field.Value, before.get(field.Key)) {
			changed = append(changed, field)
		}
	}
	for _, field := range before {
		if f.get(field.Key) == nil {
			changed = append(changed, Field{field.Key, jsontext.Value(unset)})
		}
	}
	return changed.text()
}
