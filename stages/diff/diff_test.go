package diff

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSets(t *testing.T) {
	theirs := map[string]string{"same": "1", "changed": "2", "gone": "3", "empty": ""}
	ours := map[string]string{"same": "1", "changed": "4", "new": "5"}
	want := []Pair[string]{
		{"changed", Content, "2", "4"}, {"empty", OnlyTheirs, "", ""}, {"gone", OnlyTheirs, "3", ""}, {"new", OnlyOurs, "", "5"},
	}
	if d := cmp.Diff(want, Sets(theirs, ours)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := Pairs(theirs, ours); len(got) != 5 || got[4].Key != "same" {
		t.Errorf("all pairs: %v", got)
	}
}

func TestFile(t *testing.T) {
	long := strings.Repeat("a\n", 200)
	for _, c := range []struct {
		name, path   string
		theirs, ours string
		want         []string // parts; none: the same
	}{
		{"the same", "a.php", "x", "x", nil},
		{"a line", "a.php", "one\ntwo\n", "one\nthree\n", []string{"--- theirs\n+++ ours\n", "\n one\n-two\n+three"}},
		{"JSON on a line", "a.json", `{"a":1,"b":2}`, `{"a":1,"b":3}`, []string{`-  "b": 2`, `+  "b": 3`}},
		{"JSON that differs in spaces alone", "a.json", `{"a":1}`, `{"a": 1}`, []string{`-{"a":1}`, `+{"a": 1}`}},
		{"no text", "a.png", "a\xffb", "a\xffcd", []string{"theirs: 3 bytes; ours: 4 bytes; they differ from byte 2 on"}},
		{"one longer", "a.png", "a\xff", "a\xff2", []string{"differ from byte 2 on"}},
		{"many lines", "a.txt", "", long, []string{"… and 143 more lines"}},
		{"a zip that is none", "a.zip", "x\n", "y\n", []string{"-x\n+y"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := File(c.path, []byte(c.theirs), []byte(c.ours))
			for _, part := range c.want {
				if !strings.Contains(got, part) {
					t.Errorf("want %q in:\n%s", part, got)
				}
			}
			if (got == "") != (c.want == nil) {
				t.Errorf("got:\n%s", got)
			}
		})
	}
}

// A file is a file of a zip.
type file struct {
	name, text string
	mode       fs.FileMode
	year       int
	method     uint16
}

func zipOf(t *testing.T, comment string, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.name, Method: f.method, Modified: time.Date(2000+f.year, 1, 1, 0, 0, 0, 0, time.UTC)}
		header.SetMode(0o644 | f.mode)
		w, err := z.CreateHeader(header)
		if err == nil {
			_, err = w.Write([]byte(f.text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.SetComment(comment); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestZip(t *testing.T) {
	before := zipOf(t, "", file{name: "a", text: "one\n"}, file{name: "b"})
	for _, c := range []struct {
		name string
		ours []byte
		want string
	}{
		{"a file more and one less", zipOf(t, "", file{name: "a", text: "one\n"}, file{name: "c"}), "b: only theirs\nc: only ours"},
		{"a content", zipOf(t, "", file{name: "a", text: "two\n"}, file{name: "b"}), "a: its content differs\n--- theirs\n+++ ours\n@@ -1,1 +1,1 @@\n-one\n+two"},
		{"a mode", zipOf(t, "", file{name: "a", text: "one\n", mode: 0o111}, file{name: "b"}), "a: its mode is -rw-r--r-- in theirs, -rwxr-xr-x in ours"},
		{"a time", zipOf(t, "", file{name: "a", text: "one\n", year: 1}, file{name: "b"}), "a: its time is 2000-01-01 00:00:00 +0000 UTC in theirs, 2001-01-01 00:00:00 +0000 UTC in ours"},
		{"a method", zipOf(t, "", file{name: "a", text: "one\n", method: zip.Deflate}, file{name: "b"}), "a: its method is 0 in theirs, 8 in ours"},
		{"the packing alone", zipOf(t, "x", file{name: "a", text: "one\n"}, file{name: "b"}), "the zips hold the same files, but are packed otherwise: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := File("x.zip", before, c.ours); !strings.HasPrefix(got, c.want) || strings.Count(got, "\n") != strings.Count(c.want, "\n") {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

func TestZipSums(t *testing.T) {
	const one = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
	data := zipOf(t, "", file{name: "dir/a", text: "one"}, file{name: "dir/"}, file{name: "link", text: "/etc/passwd", mode: fs.ModeSymlink})
	got, err := ZipSums(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"dir/a": one}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	data = zipOf(t, "", file{name: "x", text: strings.Repeat("\x00", 8<<20), method: zip.Deflate})
	if _, err := ZipSums(bytes.NewReader(data), int64(len(data))); err == nil || !strings.Contains(err.Error(), "is a zip bomb") {
		t.Errorf("a zip bomb: %v", err)
	}
}
