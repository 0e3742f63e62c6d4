package scan

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mage-os/nightly/stages/dependencies/php"
)

// seed adds the fixtures whose names have one of the endings.
func seed(f *testing.F, endings ...string) {
	f.Helper()
	for _, ending := range endings {
		for _, pattern := range []string{"testdata/files/*", "testdata/files/*/*"} {
			names, err := filepath.Glob(pattern + ending)
			if err != nil {
				f.Fatal(err)
			}
			for _, name := range names {
				data, err := os.ReadFile(name)
				if err != nil {
					f.Fatal(err)
				}
				f.Add(data)
			}
		}
	}
}

var wellFormed = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\\[A-Za-z_][A-Za-z0-9_]*)*$`)

// check makes sure that a result names only what stands in the file, on the line
// where it stands, and each once.
func check(t *testing.T, src []byte, r *php.File) {
	t.Helper()
	lines := strings.Split(string(src), "\n")
	seen := map[php.Reference]bool{}
	for _, ref := range r.References {
		if ref.Line < 1 || ref.Line > len(lines) {
			t.Fatalf("%s %q is on line %d of %d", ref.Kind, ref.Name, ref.Line, len(lines))
		}
		if line := strings.ReplaceAll(lines[ref.Line-1], `\\`, `\`); !strings.Contains(line, ref.Name) {
			t.Fatalf("%s %q is not on line %d: %q", ref.Kind, ref.Name, ref.Line, line)
		}
		if ref.Kind != Theme && !wellFormed.MatchString(ref.Name) {
			t.Fatalf("%s %q is no name", ref.Kind, ref.Name)
		}
		if seen[php.Reference{Kind: ref.Kind, Name: ref.Name}] {
			t.Fatalf("%s %q comes twice", ref.Kind, ref.Name)
		}
		seen[php.Reference{Kind: ref.Kind, Name: ref.Name}] = true
	}
}

func FuzzXML(f *testing.F) {
	seed(f, ".xml")
	f.Add([]byte("<a class='A\\B' <b x= y=\"\" class =\n'A\\C'>\\A\\D</b><![CDATA[A\\E]]><?x A\\F?><!DOCTYPE A\\G>"))
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, d := range []dialect{plainXML, moduleXML, themeXML} {
			check(t, src, readXML(src, d))
		}
	})
}

func FuzzGraphQL(f *testing.F) {
	seed(f, ".graphqls")
	f.Add([]byte("\"\"\"\n\"A\\\\B\"\"\"\" \"A\\\\C\n\"A\\\\D\" \"\\\"A\\\\E\" # \"A\\\\F\"\n\"\""))
	f.Fuzz(func(t *testing.T, src []byte) { check(t, src, readGraphQL(src)) })
}
