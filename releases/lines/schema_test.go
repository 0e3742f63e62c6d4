package lines

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
)

// TestLinesNameTheSchema: the comment in the first line is for editors.
func TestLinesNameTheSchema(t *testing.T) {
	for _, name := range Names() {
		text, err := releases.Files.ReadFile(name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(text, []byte("# yaml-language-server: $schema=line.schema.json\n")) {
			t.Errorf("%s.yaml does not name the schema in its first line", name)
		}
	}
}

// TestSchemaHasAllFields: the schema and the types name the same keys.
func TestSchemaHasAllFields(t *testing.T) {
	var doc struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(releases.Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	doc.Defs["line"] = doc.object
	for def, value := range map[string]any{
		"line": releases.Line{}, "versions": releases.Versions{}, "upstream": releases.Upstream{}, "composer-repository": releases.ComposerRepository{},
		"repository": releases.Repository{}, "package": releases.Package{}, "base": releases.Base{}, "edition": releases.Edition{}, "require": releases.Require{},
		"data": releases.Data{}, "file": releases.File{}, "prebuilt": releases.Prebuilt{}, "extra-tag": releases.ExtraTag{}, "fix-versions": releases.FixVersions{}, "keep": releases.Keep{},
		"edit": releases.Edit{}, "set-link": releases.EditLink{}, "install": releases.Install{}, "matrix": releases.Matrix{}, "tests": releases.Tests{},
	} {
		want := slices.Sorted(maps.Keys(keysOf(reflect.TypeOf(value))))
		got := slices.DeleteFunc(slices.Sorted(maps.Keys(doc.Defs[def].Properties)), func(key string) bool {
			return key == "extends" || key == "drop" // gone once a line is put over what it extends
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-type +schema):\n%s", def, diff)
		}
		if doc.Defs[def].Additional == nil || *doc.Defs[def].Additional {
			t.Errorf("%s: the schema allows unknown keys", def)
		}
		for key, property := range doc.Defs[def].Properties {
			if property.Description == "" && property.Ref == "" {
				t.Errorf("%s.%s has no description", def, key)
			}
		}
	}
}

// object is what the test reads of an object's schema.
type object struct {
	Properties map[string]property `json:"properties"`
	Additional *bool               `json:"additionalProperties"`
	Enum       json.RawMessage     `json:"enum"`
}

type property struct {
	Description string          `json:"description"`
	Ref         string          `json:"$ref"`
	Default     json.RawMessage `json:"default"`
}

// UnmarshalJSON reads "false" too: no such key.
func (p *property) UnmarshalJSON(data []byte) error {
	type plain property
	if bytes.HasPrefix(data, []byte("{")) {
		return json.Unmarshal(data, (*plain)(p))
	}
	return nil
}

// keysOf are the keys that a mapping of that type has in a file.
func keysOf(t reflect.Type) map[string]bool {
	keys := map[string]bool{}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" && field.Tag.Get("yaml") != "-" {
			keys[name] = true
		}
	}
	return keys
}
