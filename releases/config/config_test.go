package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// shop is a small kind of file with one of each thing that a schema can say.
var shop = NewSchema([]byte(`{
  "type": "object",
  "additionalProperties": false,
  "required": ["name"],
  "properties": {
    "name": {"description": "What it is called. It is short.", "type": "string", "pattern": "^[a-z]+$", "maxLength": 9, "errorMessage": "want lower-case letters"},
    "level": {"enum": ["low", "high"], "default": "low"},
    "keep": {"type": "integer", "minimum": 1, "default": 3},
    "open": {"type": "boolean", "default": false},
    "color": {"type": ["string", "null"], "format": "color", "default": null},
    "tags": {"type": "array", "items": {"type": "string", "minLength": 1}, "uniqueItems": true, "default": []},
    "size": {"type": "object", "patternProperties": {"^[a-z]$": {"type": "integer"}}, "additionalProperties": false, "errorMessage": "want one letter", "default": {}},
    "items": {"type": "array", "items": {"$ref": "#/$defs/item"}, "default": []},
    "free": {"type": "object"}
  },
  "dependentRequired": {"color": ["level"]},
  "$defs": {
    "item": {
      "type": "object",
      "additionalProperties": false,
      "properties": {"name": {"type": "string"}, "file": {"type": "string"}, "folder": {"type": "string"}, "with": {"type": "array", "items": {"type": "string"}, "default": ["a"]}},
      "oneOf": [{"required": ["file"]}, {"required": ["folder"]}],
      "errorMessage": "want a file or a folder"
    }
  }
}`), map[string]Format{"color": Text(func(text string) error {
	if text != "red" {
		return fmt.Errorf("%q is no colour", text)
	}
	return nil
})})

type shopFile struct {
	Name  string         `json:"name"`
	Level string         `json:"level"`
	Keep  int            `json:"keep"`
	Open  bool           `json:"open"`
	Color *string        `json:"color"`
	Tags  []string       `json:"tags"`
	Size  map[string]int `json:"size"`
	Items []shopItem     `json:"items"`
	Free  map[string]any `json:"free,omitempty"`
}

type shopItem struct {
	Name   string   `json:"name,omitempty"`
	File   string   `json:"file,omitempty"`
	Folder string   `json:"folder,omitempty"`
	With   []string `json:"with"`
}

// read reads text as users of the package do.
func read(text string) (*shopFile, error) {
	root, problems := Parse("f", []byte(text))
	if root == nil {
		return nil, Join(problems)
	}
	checked, err := shop.Check(root, problems)
	if err != nil {
		return nil, err
	}
	var file shopFile
	if err := checked.Decode(&file); err != nil {
		return nil, err
	}
	for i, item := range file.Items {
		if item.Name == file.Name {
			checked.Add(At("items", i, "name"), "is the shop's own")
		}
	}
	return &file, checked.Err()
}

func TestProblems(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"name: a", "<nil>"},
		{"", "f:1:1: is empty, want a mapping"},
		{"- a", "f:1:1: is a list, want a mapping"},
		{"level: low", "f:1:1: name: is missing: what it is called"},
		{"nmae: a", "f:1:1: nmae: unknown key, did you mean name?"},
		{"name: a\nother: b", "f:2:1: other: unknown key; the keys here are color, free, items, keep, level, name, open, size, tags"},
		{"name: A", `f:1:7: name: "A": want lower-case letters`},
		{"name: ''", "f:1:7: name: is empty"},
		{"name: 2.4", "f:1:7: name: is 2.4, want text: put it in quotes"},
		{"name: [a]", "f:1:7: name: is a list, want text"},
		{"name: {a: b}", "f:1:8: name: is a mapping, want text"},
		{"name: a\nlevel: lwo", `f:2:8: level: "lwo" is unknown, did you mean low?`},
		{"name: a\nlevel: top", `f:2:8: level: "top" is unknown; want low or high`},
		{"name: a\nkeep: 0", "f:2:7: keep: minimum: got 0, want 1"},
		{"name: a\nkeep: 0x1f", "f:2:7: 0x1f is no number in decimal digits; put it in quotes if it is text"},
		{"name: a\nopen: maybe", "f:2:7: open: is text, want true or false"},
		{"name: a\ncolor: blue\nlevel: low", `f:2:8: color: "blue" is no colour`},
		{"name: a\ncolor: red", "f:2:8: color: needs level, too"},
		{"name: a\ntags: [x, y, x]", "f:2:14: tags[2]: stands in the list twice"},
		{"name: a\ntags: [x, '']", "f:2:11: tags[1]: is empty"},
		{"name: a\nsize: {xl: 1}", `f:2:8: size.xl: "xl": want one letter`},
		{"name: a\nitems: [{name: b}]", "f:2:10: items[b]: want a file or a folder"},
		{"name: a\nitems: [{flie: b}]", "f:2:10: items[0].flie: unknown key, did you mean file?"},
		{"name: a\nitems: [{name: a, file: b}, {name: a, file: 3}]",
			"f:2:16: items[a].name: is the shop's own\nf:2:36: items[a].name: is the shop's own\nf:2:45: items[a].file: is 3, want text: put it in quotes"},
		{"name: a\nname: b", "f:2:1: name: stands here twice, first in line 1"},
		{"name: a\n1: b", "f:2:1: 1: this key is not plain text"},
		{"name: *x", "f:1:7: *x: no anchor &x stands before it"},
		{"name: *x\nitems: [{name: *y, file: b}]", "f:1:7: *x: no anchor &x stands before it\nf:2:16: *y: no anchor &y stands before it"},
		{"name: !!str a", "f:1:7: !!str has no place here: want text, a number, true, false, a list or a mapping"},
		{"name: a\n\tkeep: 3", "f:2:1: is no YAML: found character '\t' that cannot start any token; indent with blanks: YAML takes no tabs"},
		{"name: \"a", "f:1:7: is no YAML: could not find end character of double-quoted text; look at the indentation and the quotes here and in the line before"},
		{"name: a\n---\nname: b", "f:3:1: a second document; a file holds one"},
		{"%YAML 1.2\n---\nname: a", "f:1:1: directives such as %YAML have no place here"},
		{"name: a\x01", "f:1:8: is no text in UTF-8, or holds a control character"},
		{"name: é\xff", "f:1:8: is no text in UTF-8, or holds a control character"},
		{strings.Repeat("#", MaxFile+1), "f: has more than the 262144 bytes that such a file may have"},
		{"name: a\nfree: {a: " + strings.Repeat("[", 16) + strings.Repeat("]", 16) + "}", "f:2:26: is longer, nested deeper or indented further than such a file may be"},
		{"name: a\nfree:\n" + strings.Repeat(" ", 200) + "a: b", "f:3:201: is longer, nested deeper or indented further than such a file may be"},
		{"name: a\nfree:\n  l0: &l0 x\n" + multiplied(5), "f:1:1: has more than 50000 values, aliases followed"},
		{"name: a\nfree:\n  l0: &l0 x\n" + multiplied(64), "f:1:1: has more than 50000 values, aliases followed"}, // 16 to the power of 64 are 0 in 64 bits
	} {
		if _, err := read(c.text); fmt.Sprint(err) != c.want {
			t.Errorf("%.60q:\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

// multiplied is YAML that is small as written and has 16 to the power of n values
// when its aliases are followed.
func multiplied(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "  l%d: &l%[1]d [%s]\n", i, strings.Repeat(fmt.Sprintf("*l%d, ", i-1), 16))
	}
	return b.String()
}

// manyAnchors are entries of a list, each with an anchor.
func manyAnchors(n int) string {
	var entries []string
	for i := range n {
		entries = append(entries, fmt.Sprintf("&a%d %c", i, 'a'+i))
	}
	return strings.Join(entries, ", ")
}

func TestDecode(t *testing.T) {
	red := "red"
	for _, c := range []struct {
		text string
		want shopFile
	}{
		{"name: a", shopFile{Name: "a", Level: "low", Keep: 3, Tags: []string{}, Size: map[string]int{}, Items: []shopItem{}}},
		{"name: &n a\nlevel: high\nkeep: 9\nopen: true\ncolor: red\ntags: [*n]\nsize: {s: 1}\nitems: [{file: x}, {folder: y, with: []}]\nfree:\n  b: |\n    x\n",
			shopFile{"a", "high", 9, true, &red, []string{"a"}, map[string]int{"s": 1}, []shopItem{{File: "x", With: []string{"a"}}, {Folder: "y", With: []string{}}}, map[string]any{"b": "x\n"}}},
		{"name: a\ntags: [" + manyAnchors(20) + "]", shopFile{Name: "a", Level: "low", Keep: 3, Tags: strings.Split("abcdefghijklmnopqrst", ""), Size: map[string]int{}, Items: []shopItem{}}},
	} {
		got, err := read(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if diff := cmp.Diff(&c.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, diff)
		}
	}
}

func TestWritten(t *testing.T) {
	file, err := read("name: a\nkeep: 3\nlevel: high\ntags: ['2.4', b]\nsize: {s: 1}\nitems: [{file: x}]")
	if err != nil {
		t.Fatal(err)
	}
	for withDefaults, want := range map[bool]string{
		true:  "name: a\nlevel: high\nkeep: 3\ntags:\n  - \"2.4\"\n  - b\nsize:\n  s: 1\nitems:\n  - file: x\n    with:\n      - a\n",
		false: "name: a\nlevel: high\ntags:\n  - \"2.4\"\n  - b\nsize:\n  s: 1\nitems:\n  - file: x\n",
	} {
		root, err := shop.Written(file, withDefaults)
		if err != nil {
			t.Fatal(err)
		}
		text, err := root.YAML()
		if err != nil || string(text) != want {
			t.Errorf("with defaults %v: %v\n got %q\nwant %q", withDefaults, err, text, want)
		}
		again, err := read(string(text))
		if diff := cmp.Diff(file, again); diff != "" || err != nil {
			t.Errorf("read again: %v (-want +got):\n%s", err, diff)
		}
	}
}

func TestSuggest(t *testing.T) {
	for _, c := range []struct {
		wrong string
		names []string
		want  string
	}{
		{"lokc", []string{"keep", "lock"}, ", did you mean lock?"}, // two letters swapped
		{"olck", []string{"lock"}, ", did you mean lock?"},
		{"LOCK", []string{"lock"}, ", did you mean lock?"},
		{"loc", []string{"lock"}, ", did you mean lock?"},
		{"locks", []string{"lock"}, ", did you mean lock?"},
		{"lack", []string{"lock"}, ", did you mean lock?"},
		{"laco", []string{"lock", "block"}, "; want lock or block"},
		{"x", nil, "; there is none"},
		{"abc", []string{"one", ""}, "; want one"},
		{"abc", []string{"one", "two", "six"}, "; want one, two or six"},
		{strings.Repeat("x", 101), []string{strings.Repeat("x", 100)}, "; want " + strings.Repeat("x", 100)},
	} {
		if got := Suggest(c.wrong, c.names); got != c.want {
			t.Errorf("%.20s of %v: %q, want %q", c.wrong, c.names, got, c.want)
		}
	}
}

func TestCheckPath(t *testing.T) {
	for path, want := range map[string]string{
		".": "", "a/b.c": "", ".github": "", "a..b": "", "x.git/y": "",
		"": "is empty", "/a": "begins with '/'", "../a": "holds '..'", "a/..": "holds '..'", "a//b": "is not clean", "a/": "is not clean; write a",
		`a\b`: `holds '\'`, "a/.GIT/b": "git's own folder", "a\nb": "control character", strings.Repeat("a", 1025): "longer than 1024",
	} {
		if err := CheckPath(path); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", path, err, want)
		}
	}
}

// FuzzParse: whatever the text, what is read of it can be checked, decoded and
// written, or the problems are readable.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"name: a", "a: &a [1, *a]\nb: {c: *a}", "- a\n- b: |\n    c", "\"\\u0041\": 'x'", "? a\n: b", "<<: {a: b}", "a: 0o7\nb: .inf\nc: 1e400"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := read(string(text))
		if err != nil {
			if !utf8.ValidString(err.Error()) {
				t.Errorf("no text: %q", err)
			}
			return
		}
		root, err := shop.Written(file, true)
		if err != nil {
			t.Fatal(err)
		}
		written, err := root.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := read(string(written)); err != nil {
			t.Errorf("%v, of\n%s", err, written)
		}
	})
}

func TestErrorf(t *testing.T) {
	cause := errors.New("x")
	var bad *Error
	if err := Errorf("a: %w", cause); !errors.As(err, &bad) || !errors.Is(err, cause) || err.Error() != "a: x" {
		t.Errorf("%v", err)
	}
}
