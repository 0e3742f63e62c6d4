package pipeline_test

import (
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline"
)

func TestValidPath(t *testing.T) {
	tests := []struct {
		name, path string
		want       string // part of the error; empty: valid
	}{
		{"file", "composer.json", ""},
		{"nested", "app/code/Magento/Catalog/etc/di.xml", ""},
		{"hidden", ".github/workflows/a.yml", ""},
		{"three dots", "a/.../b", ""},
		{"space and umlaut", "doc/Über uns.md", ""},
		{"colon", "a:b", ""},
		{"longest name", strings.Repeat("n", 255), ""},
		{"empty", "", "is empty"},
		{"absolute", "/etc/passwd", "is absolute"},
		{"parent", "../x", `holds ".." as a name`},
		{"parent within", "a/../x", `holds ".." as a name`},
		{"parent at the end", "a/..", `holds ".." as a name`},
		{"dot", ".", `holds "." as a name`},
		{"dot first", "./a", `holds "." as a name`},
		{"double slash", "a//b", "empty name"},
		{"slash at the end", "a/", "empty name"},
		{"NUL", "a\x00b", `the character '\x00'`},
		{"line feed", "a\nb", `the character '\n'`},
		{"delete", "a\x7f", `the character '\x7f'`},
		{"backslash", `a\b`, `the character '\\'`},
		{"not UTF-8", "a\xff", "not UTF-8"},
		{"name too long", strings.Repeat("n", 256), "name longer than 255 bytes"},
		{"too long", strings.Repeat("long/", 1000) + "x", "longer than 4095 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := pipeline.ValidPath(test.path)
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func FuzzValidPath(f *testing.F) {
	for _, seed := range []string{"a/b", "..", "a//b", "/a", "a\\b", "a/./b", "\xff", "a\x00", "ä/…"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if pipeline.ValidPath(p) != nil {
			return
		}
		if !fs.ValidPath(p) || p == "." || path.Clean(p) != p || strings.ContainsAny(p, "\\\x00\n") {
			t.Errorf("%q is taken for valid", p)
		}
		if joined := path.Join("/tree", p); !strings.HasPrefix(joined, "/tree/") {
			t.Errorf("%q leads to %s", p, joined)
		}
	})
}
