package pipeline_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/golden"
)

// file makes an entry for a content that is the path itself.
func file(path string, mode pipeline.Mode) pipeline.File {
	return pipeline.File{Path: path, Mode: mode, Size: int64(len(path)), Digest: pipeline.DigestOf([]byte(path))}
}

func example() []pipeline.File {
	return []pipeline.File{
		file("bin/magento", pipeline.Executable),
		file("a/b.php", pipeline.Regular),
		file("a-b.php", pipeline.Regular),
		file("A/b.php", pipeline.Regular),
		file("current", pipeline.Symlink),
		file("doc/Über uns.md", pipeline.Regular),
	}
}

// The digest decides what is reused and what a night is: it may change only
// together with the number in the header.
func TestTreeDigest(t *testing.T) {
	files := example()
	data, tree, err := pipeline.EncodeTree(files)
	if err != nil {
		t.Fatal(err)
	}
	want := pipeline.Tree{Digest: "a527ace319c7c66247cc70edc1ee48673b196312408725334ab9740c4e4340f3", Files: 6, Size: 55}
	if diff := cmp.Diff(want, tree); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(example(), files); diff != "" {
		t.Errorf("EncodeTree changed its argument:\n%s", diff)
	}
	golden.Compare(t, filepath.Join("testdata", "tree.golden"), data)
	back, err := pipeline.DecodeTree(data)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(files, func(a, b pipeline.File) int { return strings.Compare(a.Path, b.Path) })
	if diff := cmp.Diff(files, back); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
}

func TestTreeDigestTellsApart(t *testing.T) {
	seen := map[pipeline.Digest]string{}
	base := file("a", pipeline.Regular)
	for name, files := range map[string][]pipeline.File{
		"no file":         {},
		"one file":        {base},
		"another mode":    {{Path: "a", Mode: pipeline.Executable, Size: base.Size, Digest: base.Digest}},
		"another path":    {{Path: "b", Mode: base.Mode, Size: base.Size, Digest: base.Digest}},
		"another content": {{Path: "a", Mode: base.Mode, Size: base.Size, Digest: pipeline.DigestOf([]byte("b"))}},
		"two files":       {base, file("b", pipeline.Regular)},
		"other case":      {{Path: "A", Mode: base.Mode, Size: base.Size, Digest: base.Digest}},
	} {
		_, tree, err := pipeline.EncodeTree(files)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if other, ok := seen[tree.Digest]; ok {
			t.Errorf("%s and %s have the same digest", name, other)
		}
		seen[tree.Digest] = name
	}
}

func TestEncodeTreeRefuses(t *testing.T) {
	with := func(change func(*pipeline.File)) []pipeline.File {
		f := file("a", pipeline.Regular)
		change(&f)
		return []pipeline.File{f}
	}
	tests := []struct {
		name  string
		files []pipeline.File
		want  []string
	}{
		{"path leaves the tree", []pipeline.File{file("../a", pipeline.Regular)}, []string{`path "../a"`}},
		{"path twice", []pipeline.File{file("a", pipeline.Regular), file("a", pipeline.Symlink)}, []string{`"a" comes twice`}},
		{"file and folder", []pipeline.File{file("a/b/c", pipeline.Regular), file("a", pipeline.Regular), file("a-", pipeline.Regular)}, []string{`"a" is a file, and the folder of "a/b/c"`}},
		{"mode", with(func(f *pipeline.File) { f.Mode = 0o100664 }), []string{"100664 is no mode"}},
		{"size", with(func(f *pipeline.File) { f.Size = -1 }), []string{"-1 is no size"}},
		{"short digest", with(func(f *pipeline.File) { f.Digest = "abc" }), []string{"has not 64 digits"}},
		{"digest in capitals", with(func(f *pipeline.File) { f.Digest = pipeline.Digest(strings.Repeat("A", 64)) }), []string{"lower-case"}},
		{"all at once", []pipeline.File{file("/a", pipeline.Regular), file("b\\", pipeline.Regular)}, []string{"absolute", "'\\\\'"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := pipeline.EncodeTree(test.files)
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want one with %q", err, want)
				}
			}
		})
	}
}

func TestDecodeTreeRefuses(t *testing.T) {
	whole, _, err := pipeline.EncodeTree(example())
	if err != nil {
		t.Fatal(err)
	}
	text := string(whole)
	lines := strings.SplitAfter(text, "\n")
	d := strings.Repeat("0", 64)
	tests := []struct{ name, data, want string }{
		{"nothing", "", "does not begin"},
		{"another form", strings.Replace(text, "tree 1", "tree 2", 1), "does not begin"},
		{"cut off", text[:len(text)-3], "cut off"},
		{"other order", lines[0] + lines[2] + lines[1], "does not come after"},
		{"line twice", lines[0] + lines[1] + lines[1], "does not come after"},
		{"empty line", lines[0] + "\n", "four fields"},
		{"short mode", lines[0] + "644 " + d + " 0 a\n", "no mode"},
		{"other mode", lines[0] + "040000 " + d + " 0 a\n", "no mode of a file"},
		{"signed size", lines[0] + "100644 " + d + " +1 a\n", "no size"},
		{"size with zeros", lines[0] + "100644 " + d + " 01 a\n", "no size"},
		{"no size", lines[0] + "100644 " + d + "  a\n", "no size"},
		{"bad path", lines[0] + "100644 " + d + " 0 ../a\n", "as a name"},
		{"file and folder", lines[0] + "100644 " + d + " 0 a\n100644 " + d + " 0 a/b\n", "is a file, and the folder"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files, err := pipeline.DecodeTree([]byte(test.data))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, error %v, want one with %q", files, err, test.want)
			}
		})
	}
}

func FuzzDecodeTree(f *testing.F) {
	whole, _, err := pipeline.EncodeTree(example())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("nightly tree 1\n"))
	f.Add([]byte("nightly tree 1\n100644 " + strings.Repeat("0", 64) + " 0 a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		files, err := pipeline.DecodeTree(data)
		if err != nil {
			return
		}
		again, _, err := pipeline.EncodeTree(files)
		if err != nil {
			t.Fatalf("decoded, and not to be encoded: %v", err)
		}
		if string(again) != string(data) {
			t.Errorf("another spelling is accepted:\n%q\n%q", data, again)
		}
	})
}
