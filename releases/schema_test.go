package releases

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/mage-os/nightly/releases/composer"
)

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("line.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("line.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// asJSON is what an editor sees of a file.
func asJSON(text []byte) (any, error) {
	data, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(data))
}

func TestSchemaAcceptsLines(t *testing.T) {
	compiled := compileSchema(t)
	texts := map[string][]byte{"good": []byte(goodLine)}
	for _, name := range Names() {
		text, err := fs.ReadFile(lines, name+".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(text, []byte("# yaml-language-server: $schema=line.schema.json\n")) {
			t.Errorf("%s.yaml does not name the schema in its first line", name)
		}
		texts[name] = text
	}
	for name, text := range texts {
		doc, err := asJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// unbounded are bad lines that only Parse reads in little time and memory.
var unbounded = []string{
	"alias of itself", "aliases that multiply", "too large", "too many words", "nested lists", "nested blocks", "indented far",
}

// onlyParse are bad lines that the schema lets pass, since they are about YAML
// itself or about how values belong together.
var onlyParse = []string{
	"key twice", "tag", "alias without anchor", "second document", "merge key",
	"broken YAML", "bad indentation", "tabulator", "not UTF-8", "control character", "escaped control character",
	"octal number", "rename to itself", "rename in a circle", "rename twice", "lock", "fallback",
	"upstream version", "composer repository twice", "repository name twice", "repository URL with password",
	"repository URL with token", "repository URL whose host is an option", "repository URL of a relative file",
	"repository URL embedded", "ref as an option", "ref for a shell", "ref with a blank", "ref with a range", "no packages",
	"package outside", "package path not clean", "package in .git", "package twice", "package built twice",
	"optional each", "metapackage with exclude", "base of each", "base with octal number",
	"base manifest with a key twice", "base require without a lock", "edition twice", "edition repository", "edition base", "project of an unknown product",
	"require constraint", "require twice", "edit under the old name", "edit twice", "install project", "install run outside",
	"install expects without run", "install sample data without a shop", "url over http", "url without host", "url with query",
}

// TestSchemaRefusesBadLines: an editor shows whatever a schema can say.
func TestSchemaRefusesBadLines(t *testing.T) {
	compiled := compileSchema(t)
	for _, c := range badLines {
		if slices.Contains(unbounded, c.name) {
			continue
		}
		text := c.new
		if c.old != "" {
			text = strings.Replace(goodLine, c.old, c.new, 1)
		}
		doc, err := asJSON([]byte(text))
		if err != nil {
			continue // an editor cannot read it either
		}
		accepted, listed := compiled.Validate(doc) == nil, slices.Contains(onlyParse, c.name)
		if accepted && !listed {
			t.Errorf("%s: the schema accepts it", c.name)
		}
		if !accepted && listed {
			t.Errorf("%s: the schema refuses it; take it out of onlyParse", c.name)
		}
	}
}

// TestSchemaHasAllFields: the schema and the types name the same keys.
func TestSchemaHasAllFields(t *testing.T) {
	var doc struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	doc.Defs["line"] = doc.object
	for def, value := range map[string]any{
		"line": Line{}, "versions": Versions{}, "upstream": Upstream{}, "composer-repository": ComposerRepository{},
		"repository": Repository{}, "package": Package{}, "base": Base{}, "edition": Edition{}, "require": Require{},
		"data": Data{}, "file": File{}, "prebuilt": Prebuilt{}, "extra-tag": ExtraTag{}, "fix-versions": FixVersions{}, "keep": Keep{},
		"edit": Edit{}, "set-link": EditLink{}, "install": Install{}, "matrix": Matrix{},
	} {
		want := slices.Sorted(maps.Keys(keysOf(reflect.TypeOf(value))))
		got := slices.Sorted(maps.Keys(doc.Defs[def].Properties))
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
	sections := make([]composer.Section, 0, len(editSections))
	if err := json.Unmarshal(doc.Defs["section"].Enum, &sections); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(editSections, sections); diff != "" {
		t.Errorf("section (-code +schema):\n%s", diff)
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

// TestSchemaDefaults: the defaults that editors show are those that Parse fills in.
func TestSchemaDefaults(t *testing.T) {
	var doc struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	line, err := Parse("line.yaml", []byte("name: a\nvendor: a\nurl: https://a.example.org/\nrepositories:\n"+
		"  - {name: a, url: 'https://a.example.org/a', ref: main, packages: [{directory: ., base: {manifest: {name: a/a, type: x}}}]}\n"+
		"editions:\n  - {name: b, type: product, repository: a, description: b}\n"))
	if err != nil {
		t.Fatal(err)
	}
	compareDefaults(t, "line", doc.object, line, "editions")
	compareDefaults(t, "versions", doc.Defs["versions"], line.Versions)
	compareDefaults(t, "repository", doc.Defs["repository"], line.Repositories[0], "packages")
	compareDefaults(t, "package", doc.Defs["package"], line.Repositories[0].Packages[0])
	compareDefaults(t, "base", doc.Defs["base"], line.Repositories[0].Packages[0].Base)
	compareDefaults(t, "edition", doc.Defs["edition"], line.Editions[0])
	compareDefaults(t, "install", doc.Defs["install"], line.Install)
}

// compareDefaults compares the defaults of the schema with what Parse filled in,
// but for the keys that were given.
func compareDefaults(t *testing.T, name string, o object, value any, given ...string) {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	for key, p := range o.Properties {
		if p.Default == nil || slices.Contains(given, key) {
			continue
		}
		var want any
		if err := json.Unmarshal(p.Default, &want); err != nil {
			t.Fatal(err)
		}
		got, written := fields[key]
		if !written {
			got = false // optional is left out when it is false
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s.%s (-schema +Parse):\n%s", name, key, diff)
		}
	}
}
