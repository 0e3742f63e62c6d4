package composer

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/golden"
)

func parse(t *testing.T, text string) *Manifest {
	t.Helper()
	m, err := ParseManifest([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func manifestFixtures(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/manifests/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	fixtures := map[string][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fixtures[strings.TrimSuffix(file, ".json")] = data
	}
	return fixtures
}

func TestEncode(t *testing.T) {
	for fixture, data := range manifestFixtures(t) {
		encoded := parse(t, string(data)).Encode()
		golden.Compare(t, fixture+".golden", encoded)
		if again := parse(t, string(encoded)).Encode(); !bytes.Equal(again, encoded) {
			t.Errorf("%s: encoded again it differs:\n%s", fixture, again)
		}
	}
}

// TestEncodeAsPHP compares with json_encode and the flags that Composer gives it. Numbers are left out: PHP reads
// 1.50 as 1.5, this package keeps what was written.
func TestEncodeAsPHP(t *testing.T) {
	php, err := exec.LookPath("php")
	if err != nil {
		t.Skip("needs php: ", err)
	}
	for fixture, data := range manifestFixtures(t) {
		m := parse(t, string(data))
		m.Delete("extra")
		command := exec.Command(php, "-r", `$m = json_decode(stream_get_contents(STDIN), false, 512, JSON_THROW_ON_ERROR);
			echo json_encode($m, JSON_UNESCAPED_SLASHES | JSON_PRETTY_PRINT | JSON_UNESCAPED_UNICODE), "\n";`)
		compact, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		command.Stdin = bytes.NewReader(compact)
		want, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(m.Encode())); diff != "" {
			t.Errorf("%s (-PHP +Encode):\n%s", fixture, diff)
		}
	}
}

func TestParseManifestRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing", "", "1:1: the text ends inside"},
		{"cut off", "{\"name\": \"a/b\",\n", "2:1: the text ends inside"},
		{"comma at the end", "{\n    \"name\": \"a/b\",\n}", "2:18: invalid character"},
		{"list", "[]", "1:1: it is a list, want an object"},
		{"text behind", "{}\n{}", "2:1: text behind the JSON value"},
		{"key twice", "{\n \"name\": \"a/b\",\n \"name\": \"a/c\"}", `3:2: key "name" appears twice`},
		{"key twice inside", "{\"require\": {\"php\": \"*\",\n\"php\": \"*\"}}", `2:1: key "php" appears twice`},
		{"not UTF-8", "{\"name\":\n\"\xff\"}", "2:2: invalid UTF-8"},
		{"half a surrogate pair", `{"a":"\ud800"}`, "surrogate"},
		{"second half first", `{"a":"\udc00\ud800"}`, "surrogate"},
		{"single quotes", "{'a': 1}", "1:2: "},
		{"name is a number", "{\n\"name\": 1}", `2:9: "name" is a number, want text`},
		{"version is null", `{"version": null}`, `"version" is null`},
		{"require is a list", `{"require": ["php"]}`, `"require" is a list`},
		{"constraint is true", `{"require": {"php": true}}`, `"php" of "require" is true or false`},
		{"too deep", `{"a":` + strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1) + "}", "nested deeper than 128"},
		{"too long", `{"a":"` + strings.Repeat("x", maxManifest) + `"}`, "8388608 bytes"},
		{"column in characters", `{"äöü":"x" 1}`, "1:12: "},
		{"broken at the last character", `{"a":1]`, "1:7: invalid character"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, err := ParseManifest([]byte(test.text))
			if err == nil {
				t.Fatalf("no error, but %s", m.Encode())
			}
			if want := "read composer.json: "; !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q, want %q and in it %q", err, want, test.want)
			}
		})
	}
}

func TestParseManifestTakes(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"byte order mark", "\ufeff{}", `{}`},
		{"empty section as PHP writes it", `{"require":[]}`, `{"require":[]}`},
		{"surrogate pair", `{"a":"\ud83d\ude00"}`, `{"a":"😀"}`},
		{"replacement character itself", `{"a":"\ufffd�"}`, `{"a":"��"}`},
		{"escaped backslash before u", `{"a":"\\ud800�"}`, `{"a":"\\ud800�"}`},
		{"as deep as allowed", `{"a":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + "}",
			`{"a":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + "}"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parse(t, test.text).MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestManifestChanges(t *testing.T) {
	const start = `{"name":"a/b","type":"library","require":{"php":"*"}}`
	tests := []struct {
		name   string
		change func(*Manifest) error
		want   string
	}{
		{"set keeps the place", func(m *Manifest) error { return m.Set("type", "metapackage") },
			`{"name":"a/b","type":"metapackage","require":{"php":"*"}}`},
		{"set appends", func(m *Manifest) error { return m.Set("extra", map[string]int{"b": 1, "a": 2}) },
			`{"name":"a/b","type":"library","require":{"php":"*"},"extra":{"a":2,"b":1}}`},
		{"set after", func(m *Manifest) error { return m.SetAfter("name", "version", "1.0") },
			`{"name":"a/b","version":"1.0","type":"library","require":{"php":"*"}}`},
		{"set after moves", func(m *Manifest) error { return m.SetAfter("require", "name", "a/c") },
			`{"type":"library","require":{"php":"*"},"name":"a/c"}`},
		{"set after itself", func(m *Manifest) error { return m.SetAfter("type", "type", "t") },
			`{"name":"a/b","type":"t","require":{"php":"*"}}`},
		{"set after nothing appends", func(m *Manifest) error { return m.SetAfter("none", "version", "1.0") },
			`{"name":"a/b","type":"library","require":{"php":"*"},"version":"1.0"}`},
		{"set raw keeps order", func(m *Manifest) error { return m.Set("extra", json.RawMessage(`{"b":{},"a":[]}`)) },
			`{"name":"a/b","type":"library","require":{"php":"*"},"extra":{"b":{},"a":[]}}`},
		{"set a manifest", func(m *Manifest) error { return m.Set("inner", m) },
			`{"name":"a/b","type":"library","require":{"php":"*"},"inner":` + start + `}`},
		{"delete", func(m *Manifest) error { m.Delete("type", "none", "name"); return nil },
			`{"require":{"php":"*"}}`},
		{"links replace in place", func(m *Manifest) error {
			m.SetLinks(Require, []Link{{"z/z", "^1"}, {"a/a", "*"}, {"z/z", "^2"}})
			m.SetLinks(Conflict, []Link{{"b/b", ">=2"}})
			return m.Set("type", "t")
		}, `{"name":"a/b","type":"t","require":{"z/z":"^2","a/a":"*"},"conflict":{"b/b":">=2"}}`},
		{"no links delete", func(m *Manifest) error { m.SetLinks(Require, nil); return nil },
			`{"name":"a/b","type":"library"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			original := parse(t, start)
			m := original.Clone()
			if err := test.change(m); err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(parse(t, test.want), parse(t, string(got))); diff != "" {
				t.Error(diff)
			}
			if !original.Equal(parse(t, start)) {
				t.Errorf("the change reached the manifest that was cloned: %s", original.Encode())
			}
		})
	}
}

func TestSetRefuses(t *testing.T) {
	tests := []struct {
		name, key string
		value     any
	}{
		{"no JSON", "extra", func() {}},
		{"broken raw JSON", "extra", json.RawMessage(`{"a"`)},
		{"key twice in raw JSON", "extra", json.RawMessage(`{"a":1,"a":2}`)},
		{"name is a number", "name", 1},
		{"require is a list", "require", []string{"php"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := parse(t, `{"name":"a/b"}`)
			for how, err := range map[string]error{
				"Set":      m.Set(test.key, test.value),
				"SetAfter": m.SetAfter("name", test.key, test.value),
			} {
				if err == nil {
					t.Errorf("%s: no error", how)
				}
			}
			if diff := cmp.Diff(parse(t, `{"name":"a/b"}`), m); diff != "" {
				t.Errorf("a refused value changed the manifest: %s", diff)
			}
		})
	}
}

func TestManifestGetters(t *testing.T) {
	m := parse(t, `{"version":"1.0","require":{"php":"~8.2.0","a/b":"self.version"},"suggest":{"c/d":"for more < speed"},"x":[1.0,{"b":1}]}`)
	raw, ok := m.Get("x")
	missing, found := m.Get("none")
	type got struct {
		Name, Version, Type, X, Missing string
		OK, Found                       bool
		Require, Suggest, Replace       []Link
		Keys                            []string
	}
	want := got{
		Version: "1.0", Type: "library", X: `[1.0,{"b":1}]`, OK: true,
		Require: []Link{{"php", "~8.2.0"}, {"a/b", "self.version"}}, Suggest: []Link{{"c/d", "for more < speed"}},
		Keys: []string{"version", "require", "suggest", "x"},
	}
	if diff := cmp.Diff(want, got{
		m.Name(), m.Version(), m.Type(), string(raw), string(missing), ok, found,
		m.Links(Require), m.Links(Suggest), m.Links(Replace), m.Keys(),
	}); diff != "" {
		t.Error(diff)
	}
}

// TestSavedManifestIsTheSame: artefacts are saved as JSON, read again and compared deeply.
func TestSavedManifestIsTheSame(t *testing.T) {
	type artefact struct{ Manifest *Manifest }
	made := NewManifest()
	made.SetLinks(Require, []Link{{"php", "*"}})
	made.SetLinks(Require, nil)
	manifests := map[string]*Manifest{"new": NewManifest(), "emptied": made, "none": nil}
	for fixture, data := range manifestFixtures(t) {
		manifests[fixture] = parse(t, string(data))
	}
	for name, m := range manifests {
		saved := artefact{m}
		data, err := json.Marshal(saved)
		if err != nil {
			t.Fatal(err)
		}
		var read artefact
		if err := json.Unmarshal(data, &read); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(saved, read) {
			t.Errorf("%s: saved\n%#v\nread\n%#v", name, saved, read)
		}
	}
}
