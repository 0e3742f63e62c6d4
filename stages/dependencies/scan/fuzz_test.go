package scan

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline"
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
func check(t *testing.T, src []byte, r result) {
	t.Helper()
	lines := strings.Split(string(src), "\n")
	seen := map[Reference]bool{}
	for _, ref := range r.references {
		if ref.Line < 1 || ref.Line > len(lines) {
			t.Fatalf("%s %q is on line %d of %d", ref.Kind, ref.Name, ref.Line, len(lines))
		}
		if line := strings.ReplaceAll(lines[ref.Line-1], `\\`, `\`); !strings.Contains(line, ref.Name) {
			t.Fatalf("%s %q is not on line %d: %q", ref.Kind, ref.Name, ref.Line, line)
		}
		if ref.Kind != Theme && !wellFormed.MatchString(ref.Name) {
			t.Fatalf("%s %q is no name", ref.Kind, ref.Name)
		}
		if seen[Reference{Kind: ref.Kind, Name: ref.Name}] {
			t.Fatalf("%s %q comes twice", ref.Kind, ref.Name)
		}
		seen[Reference{Kind: ref.Kind, Name: ref.Name}] = true
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

// FuzzPack makes sure that any bytes with a right checksum do no harm, and that
// what is read of them survives being kept.
func FuzzPack(f *testing.F) {
	p := &pack{entries: map[key]*entry{}}
	f.Add(body(p))
	p.add(key{pipeline.DigestOf(nil), 1}, result{})
	p.add(key{pipeline.DigestOf(nil), 2}, result{understood: true, declares: []string{"A"}, references: []Reference{{XML, "B", 3}, {Theme, "A", 4}}, problem: "odd"})
	f.Add(body(p))
	f.Fuzz(func(t *testing.T, data []byte) {
		data = binary.BigEndian.AppendUint32(bytes.Clone(data), crc32.Checksum(data, castagnoli))
		p, err := decode(data)
		if err != nil {
			return
		}
		again, err := decode(p.encode())
		if err != nil {
			t.Fatal(err)
		}
		for k, e := range p.entries {
			kept, ok := again.entries[k]
			if ok != (e.age < maxAge) {
				t.Fatalf("entry of age %d: kept is %v", e.age, ok)
			}
			if ok && string(text([]File{kept.file("a")})) != string(text([]File{e.file("a")})) {
				t.Fatalf("entry differs:\n%s\n%s", text([]File{kept.file("a")}), text([]File{e.file("a")}))
			}
		}
	})
}

// body is an encoded pack without its checksum.
func body(p *pack) []byte {
	data := p.encode()
	return data[:len(data)-crc32.Size]
}
