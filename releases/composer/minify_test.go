package composer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func fields(t testing.TB, entry string) Fields {
	t.Helper()
	f, err := ParseFields([]byte(entry))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestMinify(t *testing.T) {
	for _, tt := range []struct{ name, before, version, want string }{
		{"the first one", ``, `{"version":"1.0","name":"a/b"}`, `{"name":"a/b","version":"1.0"}`},
		{"another version", `{"name":"a/b","version":"1.1"}`, `{"version":"1.0","name":"a/b"}`, `{"version":"1.0"}`},
		{"a field more", `{"version":"1.1"}`, `{"version":"1.0","type":"x"}`, `{"type":"x","version":"1.0"}`},
		{"a field less", `{"version":"1.1","type":"x"}`, `{"version":"1.0"}`, `{"version":"1.0","type":"__unset"}`},
		{"other values", `{"require":{"a":"1"}}`, `{"require":{"a":"2"}}`, `{"require":{"a":"2"}}`},
		{"the same", `{"require":{"a":"1"}}`, `{"require":{"a":"1"}}`, `{}`},
		{"null is a value", `{"a":null}`, `{"a":1,"b":null}`, `{"a":1,"b":null}`},
		{"escapes stay", ``, `{"a\"b":"\u00e9"}`, `{"a\"b":"\u00e9"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var before Fields
			if tt.before != "" {
				before = before.Expand(fields(t, tt.before))
			}
			version := Fields(nil).Expand(fields(t, tt.version))
			got := string(version.Minify(before))
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if back := before.Expand(fields(t, got)); !back.Equal(version) {
				t.Errorf("expanded again: %s, want %s", back.Minify(nil), version.Minify(nil))
			}
		})
	}
}

// A field that is the text "__unset" is none for Composer, in whichever version.
func TestUnsetIsNoValue(t *testing.T) {
	version := Fields(nil).Expand(fields(t, `{"description":"__unset","version":"1.0"}`))
	if got := string(version.Minify(nil)); got != `{"version":"1.0"}` {
		t.Error(got)
	}
}

func TestParseFieldsRefuses(t *testing.T) {
	for _, bad := range []string{``, `1`, `[]`, `{"a":1`, `{"a":}`, `{"a":1}{}`, `{"a":1,"a":2}`, `{"a":1}x`} {
		if got, err := ParseFields([]byte(bad)); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
}

// FuzzMinify: what is minified reads as it was, here and by the reader of any repository.
func FuzzMinify(f *testing.F) {
	f.Add(`{"name":"a/b","version":"1.1","type":"x"}`, `{"name":"a/b","version":"1.0","require":{}}`)
	f.Add(`{"a":"__unset"}`, `{"a":null}`)
	f.Fuzz(func(t *testing.T, first, second string) {
		a, errA := ParseFields([]byte(first))
		b, errB := ParseFields([]byte(second))
		if errA != nil || errB != nil {
			return
		}
		a, b = Fields(nil).Expand(a), Fields(nil).Expand(b)
		one, two := a.Minify(nil), b.Minify(a)
		if got := Fields(nil).Expand(fields(t, string(one))); !got.Equal(a) {
			t.Errorf("%s is %s", one, got.Minify(nil))
		}
		if got := a.Expand(fields(t, string(two))); !got.Equal(b) {
			t.Errorf("%s after %s is %s, want %s", two, one, got.Minify(nil), b.Minify(nil))
		}
		root, err := decodeObject([]byte(`{"minified":"composer/2.0","packages":{"a/b":[`+string(one)+`,`+string(two)+`]}}`), maxRepository, nil)
		if err != nil {
			return // deeper than is read
		}
		entries, err := metadataEntries(root, "a/b")
		if err != nil || len(entries) != 2 {
			t.Fatalf("%d versions, %v", len(entries), err)
		}
		for i, want := range []Fields{a, b} {
			if got := len(entries[i]); got != len(want) {
				t.Errorf("version %d has %d fields, want %d", i, got, len(want))
			}
		}
	})
}

// Versions one after the other, as random as fields are.
func TestMinifyMany(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var before Fields
	var read Fields
	for i := range 500 {
		var entry []string
		for key := range 8 {
			if random.IntN(4) > 0 {
				entry = append(entry, fmt.Sprintf(`"k%d":%d`, key, random.IntN(3)))
			}
		}
		version := Fields(nil).Expand(fields(t, "{"+strings.Join(entry, ",")+"}"))
		read = read.Expand(fields(t, string(version.Minify(before))))
		if diff := cmp.Diff(string(version.Minify(nil)), string(read.Minify(nil))); diff != "" {
			t.Fatalf("version %d: %s", i, diff)
		}
		before = version
	}
}
