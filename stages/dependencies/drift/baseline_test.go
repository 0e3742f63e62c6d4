package drift

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/golden"
)

func key(text string) Key {
	f := strings.Fields(text)
	return Key{f[0], Kind(f[1]), f[2]}
}

// about is a report with these findings, of the packages that they name.
func about(keys ...string) Report {
	r := Report{}
	seen := map[string]bool{}
	for _, text := range keys {
		k := key(text)
		r.Findings = append(r.Findings, Finding{Package: k.Package, Kind: k.Kind, Require: k.Require})
		if !seen[k.Package] {
			seen[k.Package] = true
			r.Packages = append(r.Packages, Package{Name: k.Package})
		}
	}
	return r
}

func TestCompare(t *testing.T) {
	tests := []struct {
		name            string
		known, found    Report
		partial         bool
		fresh, alarming []string
		gone            []string
		wantKnown       int
	}{
		{
			name:  "nothing is known",
			found: about("a/a unreachable c/c", "a/a tests d/d"),
			fresh: []string{"a/a unreachable c/c", "a/a tests d/d"}, alarming: []string{"a/a unreachable c/c"},
		},
		{
			name:  "all is known",
			known: about("a/a unreachable c/c"), found: about("a/a unreachable c/c"), wantKnown: 1,
		},
		{
			name:  "what is new and reachable does not alarm",
			known: about("a/a unreachable c/c"), found: about("a/a unreachable c/c", "a/a undeclared d/d"), wantKnown: 1,
			fresh: []string{"a/a undeclared d/d"},
		},
		{
			name:  "what was reachable and no longer is",
			known: about("a/a undeclared c/c"), found: about("a/a unreachable c/c"),
			fresh: []string{"a/a unreachable c/c"}, alarming: []string{"a/a unreachable c/c"}, gone: []string{"a/a undeclared c/c"},
		},
		{
			name:  "a package that is no more",
			known: about("a/a unused c/c", "b/b unused c/c"), found: about("a/a unused c/c"), wantKnown: 1,
			gone: []string{"b/b unused c/c"},
		},
		{
			name:  "a package that was not looked at",
			known: about("a/a unused c/c", "b/b unused c/c"), found: about("a/a unused c/c"), partial: true, wantKnown: 1,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := BaselineOf(test.known).Compare(test.found, test.partial)
			fresh := map[Key]bool{}
			for _, k := range test.fresh {
				fresh[key(k)] = true
			}
			got, known := map[Key]bool{}, 0
			for _, f := range c.Findings {
				if f.New {
					got[f.Key()] = true
				} else {
					known++
				}
			}
			if diff := cmp.Diff(fresh, got); diff != "" {
				t.Errorf("new (-want +got):\n%s", diff)
			}
			gone := []Key{}
			for _, k := range test.gone {
				gone = append(gone, key(k))
			}
			if diff := cmp.Diff(gone, c.Gone); diff != "" {
				t.Errorf("gone (-want +got):\n%s", diff)
			}
			var alarming []string
			for _, f := range c.Alarming() {
				alarming = append(alarming, f.Package+" "+string(f.Kind)+" "+f.Require)
			}
			if diff := cmp.Diff(test.alarming, alarming); diff != "" {
				t.Errorf("alarming (-want +got):\n%s", diff)
			}
			if known != test.wantKnown {
				t.Errorf("%d known, want %d", known, test.wantKnown)
			}
		})
	}
}

func TestBaselineFile(t *testing.T) {
	b := BaselineOf(about("b/b tests z/z", "b/b tests y/y", "b/b unreachable c/c", "a/a unused c/c"))
	data, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "testdata/golden/baseline-file.json", data)
	again, err := ParseBaseline(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b, again); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	merged := again.Merge(about("b/b tests new/one"))
	if diff := cmp.Diff(BaselineOf(about("a/a unused c/c", "b/b tests new/one")), merged); diff != "" {
		t.Errorf("merged with a report about b/b (-want +got):\n%s", diff)
	}
}

func TestParseBaselineErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no JSON", `nothing`, "read baseline"},
		{"another format", `{"format": 2, "packages": {}}`, "format 2"},
		{"no format", `{"packages": {}}`, "format 0"},
		{"a kind that there is not", `{"format": 1, "packages": {"a/a": {"unreachble": ["b/b"]}}}`, `no kind "unreachble"`},
		{"a key that there is not", `{"format": 1, "package": {}}`, `"package"`},
		{"more behind it", `{"format": 1, "packages": {}} {}`, "after top-level value"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := ParseBaseline([]byte(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %s", err, test.want)
			}
		})
	}
}

func FuzzParseBaseline(f *testing.F) {
	f.Add([]byte(`{"format": 1, "packages": {"a/a": {"tests": ["b/b"], "unused": ["c/c", "c/c"]}}}`))
	f.Add([]byte(`{"format": 1, "packages": null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ParseBaseline(data)
		if err != nil {
			return
		}
		text, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseBaseline(text)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if diff := cmp.Diff(b, again); diff != "" {
			t.Errorf("read back (-want +got):\n%s", diff)
		}
	})
}
