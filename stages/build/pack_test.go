package build

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
)

func openStore(t *testing.T) *store.Store {
	t.Helper()
	return openStoreIn(t, t.TempDir())
}

func openStoreIn(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// add gives a file whose content is in the store.
func add(t *testing.T, s pipeline.Writer, path string, mode pipeline.Mode, content string) pipeline.File {
	t.Helper()
	digest, size, err := s.Add(context.Background(), strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return pipeline.File{Path: path, Mode: mode, Size: size, Digest: digest}
}

// readZip gives a dist as Go's own library reads it.
func readZip(tb testing.TB, s pipeline.Reader, d packed) *zip.Reader {
	tb.Helper()
	content, err := s.Open(context.Background(), d.File.Digest)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { content.Close() })
	r, err := zip.NewReader(content, d.File.Size)
	if err != nil {
		tb.Fatalf("read %s: %v", d.File.Path, err)
	}
	return r
}

// save writes a dist into a folder.
func save(t *testing.T, s pipeline.Reader, d packed, dir string) string {
	t.Helper()
	content, err := s.Open(context.Background(), d.File.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	data, err := io.ReadAll(content)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, filepath.Base(d.File.Path))
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func noise(seed uint64, size int) string {
	b := make([]byte, 0, size+8)
	for source := rand.NewPCG(seed, seed); len(b) < size; {
		b = binary.LittleEndian.AppendUint64(b, source.Uint64())
	}
	return string(b[:size])
}

// module is a small packing with one of each kind of entry.
func module(t *testing.T, s pipeline.Writer) packing {
	return packing{
		Name: "mage-os/module-sample_data", Version: "1.2.0-a20261124",
		Manifest: []byte("{\n    \"name\": \"mage-os/module-sample_data\",\n    \"version\": \"1.2.0-a20261124\"\n}\n"),
		Files: []pipeline.File{
			add(t, s, "registration.php", pipeline.Regular, "<?php\n"+strings.Repeat("register('Sample');\n", 40)),
			add(t, s, "bin/run", pipeline.Executable, "#!/bin/sh\n"),
			add(t, s, "bin.txt", pipeline.Regular, "sorted before bin/ because '.' is before '/'"),
			add(t, s, "view/empty.css", pipeline.Regular, ""),
			add(t, s, "view/größe.txt", pipeline.Regular, "UTF-8"),
			add(t, s, "view/noise.png", pipeline.Regular, noise(1, 2000)),
			add(t, s, "view/link", pipeline.Symlink, "../bin/run"),
		},
		Directories: []string{"app/code/Magento"},
	}
}

func TestPack(t *testing.T) {
	s := openStore(t)
	var steps []pipeline.Step
	p := &packer{store: s, progress: func(step pipeline.Step) { steps = append(steps, step) }}
	got, err := p.pack(context.Background(), []packing{module(t, s)})
	if err != nil {
		t.Fatal(err)
	}
	// The digest changes with the compressor or our own zip format only, and
	// then Version must be raised.
	want := []packed{{
		File: pipeline.File{
			Path: "dists/mage-os/module-sample_data-1.2.0-a20261124.zip", Mode: pipeline.Regular, Size: 3116,
			Digest: "31f268cf96d4fa7318ac88d807865896610da482bb8dc9941bd468db6bec4886",
		},
		SHA1: "367c60717f5c8139ead984936140936c4e22f328",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]pipeline.Step{{Stage: "build", Item: "mage-os/module-sample_data", Done: 1, Total: 1, Unit: "packages"}}, steps); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	var entries []string
	for _, f := range readZip(t, s, got[0]).File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		entries = append(entries, fmt.Sprintf("%v %d %s %s %.16q", f.Mode(), f.Method, f.Modified.Format("2006-01-02T15:04:05"), f.Name, data))
	}
	if diff := cmp.Diff(strings.Split(moduleEntries, "\n"), entries); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

const moduleEntries = `drwxr-xr-x 0 2022-02-22T22:02:22 app/code/Magento/ ""
-rw-r--r-- 0 2022-02-22T22:02:22 bin.txt "sorted before bi"
-rwxr-xr-x 0 2022-02-22T22:02:22 bin/run "#!/bin/sh\n"
-rw-r--r-- 0 2022-02-22T22:02:22 composer.json "{\n    \"name\": \"m"
-rw-r--r-- 8 2022-02-22T22:02:22 registration.php "<?php\nregister('"
-rw-r--r-- 0 2022-02-22T22:02:22 view/empty.css ""
-rw-r--r-- 0 2022-02-22T22:02:22 view/größe.txt "UTF-8"
Lrwxrwxrwx 0 2022-02-22T22:02:22 view/link "../bin/run"
-rw-r--r-- 0 2022-02-22T22:02:22 view/noise.png "\xb8O\xb4k\x9f\xe3J\xff\vZ\x11\x1c` + "`" + `\x1e=\x1a"`

func TestPackRefuses(t *testing.T) {
	s := openStore(t)
	absent := pipeline.File{Path: "a.php", Mode: pipeline.Regular, Size: 1, Digest: pipeline.DigestOf([]byte("never added"))}
	absent2 := absent
	absent2.Path = "b.php"
	short := add(t, s, "short.php", pipeline.Regular, "content")
	short.Size++
	tests := []struct {
		name     string
		packings []packing
		want     []string // in the message
	}{
		{"composer.json among the files", []packing{{Files: []pipeline.File{add(t, s, "composer.json", pipeline.Regular, "{}")}}}, []string{"composer.json comes twice"}},
		{"a path twice", []packing{{Files: []pipeline.File{absent, absent}}}, []string{"a.php comes twice"}},
		{"a path that leaves the package", []packing{{Files: []pipeline.File{add(t, s, "../a", pipeline.Regular, "")}}}, []string{"../a"}},
		{"a directory that leaves the package", []packing{{Directories: []string{"/tmp"}}}, []string{"/tmp"}},
		{"a submodule", []packing{{Files: []pipeline.File{{Path: "lib", Mode: 0o160000}}}}, []string{"lib has mode 160000"}},
		{"an absolute symbolic link", []packing{{Files: []pipeline.File{add(t, s, "l", pipeline.Symlink, "/etc/passwd")}}}, []string{"l to \"/etc/passwd\""}},
		{"a symbolic link out of the package", []packing{{Files: []pipeline.File{add(t, s, "a/l", pipeline.Symlink, "../../b")}}}, []string{"a/l to \"../../b\" leaves"}},
		{"contents that are not there", []packing{{Files: []pipeline.File{absent, absent2}}}, []string{"read a.php", "read b.php"}},
		{"a content of another size", []packing{{Files: []pipeline.File{short}}}, []string{"short.php", "8 bytes"}},
		{"two packages of one dist", []packing{{}, {}}, []string{"both"}},
		{"problems of several packages", []packing{{Files: []pipeline.File{absent}}, {Name: "v/other", Files: []pipeline.File{short}}}, []string{"pack v/p 1: read a.php", "pack v/other 1: read short.php"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for i := range test.packings {
				test.packings[i].Version = "1"
				if test.packings[i].Name == "" {
					test.packings[i].Name = "v/p"
				}
			}
			got, err := (&packer{store: s, workers: 2}).pack(context.Background(), test.packings)
			if err == nil {
				t.Fatalf("made %v; want an error", got)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

// A stoppingStore ends the context when the nth content is opened.
type stoppingStore struct {
	pipeline.Store
	left int
	stop func()
}

func (s *stoppingStore) Open(ctx context.Context, d pipeline.Digest) (pipeline.Content, error) {
	if s.left--; s.left == 0 {
		s.stop()
	}
	return s.Store.Open(ctx, d)
}

func TestPackCancelled(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	packings := large(t, s)
	temporary := filepath.Join(dir, "tmp")
	if err := os.Mkdir(temporary, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", temporary)
	before := tree(t, dir)
	for _, n := range []int{1, 3, 20} {
		ctx, cancel := context.WithCancel(context.Background())
		p := &packer{store: &stoppingStore{s, n, cancel}, workers: 1}
		// One package only: those that were finished before stay in the store.
		if _, err := p.pack(ctx, packings[:1]); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled at content %d: error %v; want %v", n, err, context.Canceled)
		}
		if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
			t.Errorf("cancelled at content %d, left behind (-before +after):\n%s", n, diff)
		}
	}
}

// tree lists a folder.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		all = append(all, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// large gives packings of which the first has files of all kinds:
// those that are streamed, one that shrinks and one that does not, one
// that only shrinks in its beginning, and many others.
func large(t *testing.T, s pipeline.Writer) []packing {
	t.Helper()
	text := strings.Repeat("<?php return ['a' => 'b'];\n", 40_000)
	p := packing{Name: "v/large", Files: []pipeline.File{
		add(t, s, "streamed.sql", pipeline.Regular, strings.Repeat(text, 5)),
		add(t, s, "streamed.jpg", pipeline.Regular, noise(2, streamSize+1)),
		add(t, s, "begins-well.bin", pipeline.Regular, text+noise(3, streamSize)),
		add(t, s, "begins-badly.bin", pipeline.Regular, noise(4, sampleSize)+strings.Repeat(text, 4)),
	}}
	for i := range 60 {
		p.Files = append(p.Files, add(t, s, fmt.Sprintf("part/%02d.txt", i), pipeline.Regular, noise(uint64(i), 2000)+text[:1000*i]))
	}
	return release([]packing{p, {Name: "v/small", Files: p.Files[10:20]}, {Name: "v/meta"}, {Name: "v/medium", Files: p.Files[:2]}}, "1")
}

func TestPackLargeFiles(t *testing.T) {
	s := openStore(t)
	got, err := (&packer{store: s, workers: 2}).pack(context.Background(), large(t, s)[:1])
	if err != nil {
		t.Fatal(err)
	}
	methods := map[string]uint16{}
	for _, f := range readZip(t, s, got[0]).File {
		if !strings.HasPrefix(f.Name, "part/") {
			methods[f.Name] = f.Method
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(r); err != nil { // checks the CRC-32
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	want := map[string]uint16{"composer.json": 0, "streamed.sql": 8, "streamed.jpg": 0, "begins-well.bin": 8, "begins-badly.bin": 0}
	if diff := cmp.Diff(want, methods); diff != "" {
		t.Errorf("methods (-want +got):\n%s", diff)
	}
}
