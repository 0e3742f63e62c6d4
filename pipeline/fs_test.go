package pipeline_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
)

// openStore opens a store in a folder of its own.
func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// save stores a tree of these contents, given by path; "x:" before a path makes
// it executable and "l:" a symbolic link.
func save(t *testing.T, s pipeline.Writer, contents map[string]string) pipeline.Tree {
	t.Helper()
	var files []pipeline.File
	for path, content := range contents {
		mode := pipeline.Regular
		if rest, ok := strings.CutPrefix(path, "x:"); ok {
			path, mode = rest, pipeline.Executable
		} else if rest, ok := strings.CutPrefix(path, "l:"); ok {
			path, mode = rest, pipeline.Symlink
		}
		digest, size, err := s.Add(t.Context(), strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, pipeline.File{Path: path, Mode: mode, Size: size, Digest: digest})
	}
	tree, err := s.Save(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func treeFS(t *testing.T, contents map[string]string) fs.FS {
	t.Helper()
	s := openStore(t)
	fsys, err := pipeline.FS(t.Context(), s, save(t, s, contents))
	if err != nil {
		t.Fatal(err)
	}
	return fsys
}

func TestFS(t *testing.T) {
	fsys := treeFS(t, map[string]string{
		"README.md": "read me\n", "a/b/c.txt": "c", "a/b.txt": "b", "a-b": "", "x:bin/magento": "#!/usr/bin/env php\n",
	})
	if err := fstest.TestFS(fsys, "README.md", "a/b/c.txt", "a/b.txt", "a-b", "bin/magento"); err != nil {
		t.Error(err)
	}
	info, err := fs.Stat(fsys, "bin/magento")
	if err != nil {
		t.Fatal(err)
	}
	file, ok := info.Sys().(pipeline.File)
	if !ok || file.Path != "bin/magento" || info.Mode() != 0o555 {
		t.Errorf("Sys %+v, mode %v", info.Sys(), info.Mode())
	}
}

func TestFSOfAnEmptyTree(t *testing.T) {
	if err := fstest.TestFS(treeFS(t, nil)); err != nil {
		t.Error(err)
	}
}

func TestFSSymlink(t *testing.T) {
	fsys := treeFS(t, map[string]string{"a.txt": "a", "l:link": "../../etc/passwd"})
	if target, err := fs.ReadLink(fsys, "link"); target != "../../etc/passwd" || err != nil {
		t.Errorf("ReadLink gives %q, %v", target, err)
	}
	if _, err := fsys.Open("link"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Open gives %v", err)
	}
	if _, err := fs.ReadLink(fsys, "a.txt"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("ReadLink of a file gives %v", err)
	}
	var list []string
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		list = append(list, d.Type().String()+" "+path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"d--------- .", "---------- a.txt", "L--------- link"}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("walked (-want +got):\n%s", diff)
	}
}

func TestFSSeek(t *testing.T) {
	text := strings.Repeat("0123456789", 1000)
	f, err := treeFS(t, map[string]string{"f": text}).Open("f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// TestReader also seeks around and reads from there.
	if err := iotest.TestReader(f, []byte(text)); err != nil {
		t.Error(err)
	}
}

func TestFSServed(t *testing.T) {
	fsys := treeFS(t, map[string]string{
		"packages.json": `{"packages":[]}`, "dists/a.zip": "PK\x03\x04 0123456789", "noext": "<html>hello", "l:link": "packages.json",
	})
	server := httptest.NewServer(http.FileServerFS(fsys))
	defer server.Close()
	tests := []struct {
		name, path, ranges string
		status             int
		body               string
	}{
		{"file", "/packages.json", "", 200, `{"packages":[]}`},
		{"sniffed", "/noext", "", 200, "<html>hello"},
		{"range", "/dists/a.zip", "bytes=5-7", 206, "012"},
		{"end", "/dists/a.zip", "bytes=-2", 206, "89"},
		{"missing", "/dists/b.zip", "", 404, "404 page not found\n"},
		{"link", "/link", "", 403, "403 Forbidden\n"},
		{"out of the tree", "/../../etc/passwd", "", 404, "404 page not found\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+test.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if test.ranges != "" {
				request.Header.Set("Range", test.ranges)
			}
			response, err := server.Client().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != test.status || string(body) != test.body {
				t.Errorf("%s, %q, %v", response.Status, body, err)
			}
		})
	}
}

func TestFSOfAMissingTree(t *testing.T) {
	_, err := pipeline.FS(context.Background(), openStore(t), pipeline.Tree{Digest: pipeline.DigestOf(nil)})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
