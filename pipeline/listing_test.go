package pipeline_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
)

func TestListing(t *testing.T) {
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var files []pipeline.File
	for _, path := range []string{"a", "a-b", "a/b", "a/c/d", "ab", "z"} {
		digest, size, err := s.Add(t.Context(), strings.NewReader("text of "+path))
		if err != nil {
			t.Fatal(err)
		}
		if path == "a" {
			path = "a0"
		}
		files = append(files, pipeline.File{Path: path, Mode: pipeline.Regular, Size: size, Digest: digest})
	}
	files[5].Mode = pipeline.Symlink
	tree, err := s.Save(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	l, err := pipeline.List(t.Context(), s, tree)
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string][]string{
		".": {"a-b", "a/b", "a/c/d", "a0", "ab", "z"}, "a": {"b", "c/d"}, "a/": {"b", "c/d"}, "a/c": {"d"}, "z": nil, "zz": nil,
	} {
		var got []string
		for rest := range l.Below(dir) {
			got = append(got, rest)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("below %s (-want +got):\n%s", dir, diff)
		}
	}
	if text, err := l.Read(t.Context(), "a/b", int64(len("text of a/b"))); string(text) != "text of a/b" || err != nil {
		t.Errorf("read %q, %v", text, err)
	}
	if _, err := l.Read(t.Context(), "a/b", 3); err == nil || !strings.Contains(err.Error(), "more than 3") {
		t.Errorf("error %v; want one about the size", err)
	}
	if _, err := l.Read(t.Context(), "z", 100); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("error %v; want one about the link", err)
	}
	for _, file := range []string{"a", "b", "zz", ""} {
		if _, err := l.Read(t.Context(), file, 100); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error %v; want fs.ErrNotExist", file, err)
		}
	}
}

func TestWithin(t *testing.T) {
	paths := []string{"a/b", "c/"}
	for file, want := range map[string]bool{"a/b": true, "a/b/c": true, "a/bc": false, "a": false, "c": true, "c/d": true, "cd": false, "": false} {
		if got := pipeline.Within(paths, file); got != want {
			t.Errorf("%q: %t, want %t", file, got, want)
		}
	}
}
