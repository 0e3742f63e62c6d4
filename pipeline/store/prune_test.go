package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
)

// age makes everything in a store a year old.
func age(t *testing.T, dir string) {
	t.Helper()
	for _, name := range files(t, dir) {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		then := info.ModTime().AddDate(-1, 0, 0)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
}

// monthAgo is a month before the store's lock was made: before what the test
// writes, and after what it ages.
func monthAgo(t *testing.T, dir string) time.Time {
	t.Helper()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime().AddDate(0, -1, 0)
}

// saveOne saves a tree of one file and a result, under the digest of its name,
// that names the tree.
func saveOne(t *testing.T, s *store.Store, name string) pipeline.Tree {
	t.Helper()
	tree, err := s.Save(t.Context(), []pipeline.File{add(t, s, []byte(name))})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Results().Save(t.Context(), pipeline.DigestOf([]byte(name)), []byte(`{"tree":{"digest":"`+string(tree.Digest)+`"}}`)); err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	used, unused := saveOne(t, s, "used"), saveOne(t, s, "unused")
	named := add(t, s, []byte("named by a cache entry"))
	for key, content := range map[string]string{"used": "digest " + string(named.Digest), "unused": string(unused.Digest)} {
		if err := s.Cache("c").Put(t.Context(), key, strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"segments", "blobs", "trees", "results", "cache/c"} {
		if err := os.WriteFile(filepath.Join(dir, folder, "new-123"), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	age(t, dir)
	if s, err = store.Open(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Results().Load(t.Context(), pipeline.DigestOf([]byte("used"))); err != nil {
		t.Fatal(err)
	}
	entry, err := s.Cache("c").Get(t.Context(), "used")
	if err != nil {
		t.Fatal(err)
	}
	entry.Close()
	fresh, err := s.Save(t.Context(), []pipeline.File{add(t, s, []byte("of a run that failed today"))})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	got, err := store.Prune(t.Context(), dir, monthAgo(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	got.Bytes = 0
	if diff := cmp.Diff(store.Pruned{Results: 1, Entries: 1, Trees: 1, Contents: 1}, got); diff != "" {
		t.Errorf("pruned (-want +got):\n%s", diff)
	}
	s = open(t, dir)
	for _, tree := range []pipeline.Tree{used, fresh} {
		if err := s.Check(t.Context(), tree); err != nil {
			t.Error(err)
		}
	}
	if _, err := read(t, s, named.Digest); err != nil {
		t.Error(err)
	}
	if _, err := s.Files(t.Context(), unused); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the unused tree: %v", err)
	}
	if list := files(t, dir); slices.ContainsFunc(list, func(name string) bool { return strings.Contains(name, "new-") }) || len(list) != 7 {
		t.Errorf("left: %v", list)
	}
}

// An entry that is too large to be read for names expires as the others do.
func TestPruneLargeEntries(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	put := func(key string) {
		t.Helper()
		if err := s.Cache("c").Put(t.Context(), key, strings.NewReader(strings.Repeat(key, 1<<20))); err != nil {
			t.Fatal(err)
		}
	}
	put("old")
	age(t, dir)
	put("new")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := store.Prune(t.Context(), dir, monthAgo(t, dir))
	if err != nil || got.Entries != 1 || got.Bytes < 3<<20 {
		t.Errorf("pruned %+v, %v; want the old entry of 3 MiB", got, err)
	}
	s = open(t, dir)
	if _, err := s.Cache("c").Get(t.Context(), "old"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old entry: %v", err)
	}
	entry, err := s.Cache("c").Get(t.Context(), "new")
	if err != nil {
		t.Fatalf("the new entry: %v", err)
	}
	entry.Close()
}

func TestPruneInUse(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	tree := saveOne(t, s, "a")
	age(t, dir)
	for _, s := range []*store.Store{s, second} {
		if _, err := store.Prune(t.Context(), dir, monthAgo(t, dir)); !errors.Is(err, store.ErrInUse) {
			t.Errorf("pruned a store in use: %v", err)
		}
		if err := s.Check(t.Context(), tree); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := store.Prune(t.Context(), dir, monthAgo(t, dir)); got.Trees != 1 || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPruneOfNoStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if _, err := store.Prune(t.Context(), dir, time.Time{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
}

// A damaged list of files says nothing about what it names.
func TestPruneDamagedTree(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	tree := saveOne(t, s, "a")
	overwrite(t, filepath.Join(dir, "trees", string(tree.Digest)), func(d []byte) []byte { return d[:20] })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Prune(t.Context(), dir, monthAgo(t, dir)); got.Trees != 1 || got.Contents != 0 || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// Of old segments only what is named stays, and little ones become one. Young
// ones are left alone.
func TestPruneJoinsSegments(t *testing.T) {
	dir := t.TempDir()
	var kept, unused []pipeline.File
	for i := range 5 { // processes, each with a segment of its own
		s, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, add(t, s, source(i)))
		if i%2 == 0 {
			unused = append(unused, add(t, s, source(100+i)))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := s.Save(t.Context(), kept)
	if err != nil {
		t.Fatal(err)
	}
	age(t, dir)
	if err := s.Results().Save(t.Context(), tree.Digest, []byte(`"`+string(tree.Digest)+`"`)); err != nil {
		t.Fatal(err)
	}
	young := add(t, s, []byte("young"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := len(files(t, filepath.Join(dir, "segments")))
	size := folderSize(t, dir)
	got, err := store.Prune(t.Context(), dir, monthAgo(t, dir))
	if want := (store.Pruned{Contents: 3, Bytes: size - folderSize(t, dir)}); err != nil || got != want || got.Bytes <= 0 {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	names := files(t, filepath.Join(dir, "segments"))
	if before != 6 || len(names) != 2 {
		t.Errorf("%d segments became %v", before, names)
	}
	aged := 0
	for _, name := range names {
		info, err := os.Stat(filepath.Join(dir, "segments", name))
		if err != nil {
			t.Fatal(err)
		}
		if info.ModTime().Before(monthAgo(t, dir)) {
			aged++
		}
	}
	if aged != 1 {
		t.Errorf("%d segments are old after it, want the joined one", aged)
	}
	s = open(t, dir)
	if err := s.Check(t.Context(), tree); err != nil {
		t.Error(err)
	}
	for _, f := range append(kept, young) {
		if _, err := read(t, s, f.Digest); err != nil {
			t.Error(err)
		}
	}
	for _, f := range unused {
		if _, err := read(t, s, f.Digest); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("an unused content: %v", err)
		}
	}
}

func folderSize(t *testing.T, dir string) (size int64) {
	t.Helper()
	for _, name := range files(t, dir) {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	return size
}

// A segment of which nothing is named goes, one that is damaged too, and a
// content that is damaged is not copied to a place where it looks new.
func TestPruneDamagedSegments(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, []byte("unused")) // so that the segment is written anew
	tree, err := s.Save(t.Context(), []pipeline.File{add(t, s, []byte("whole")), add(t, s, []byte("hurt"))})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	hurt(t, dir, "hurt", "HURT")
	if err := os.WriteFile(filepath.Join(dir, "segments", string(tree.Digest)), []byte("no segment"), 0o644); err != nil {
		t.Fatal(err)
	}
	age(t, dir)
	s = open(t, dir)
	if err := s.Results().Save(t.Context(), tree.Digest, []byte(`"`+string(tree.Digest)+`"`)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Prune(t.Context(), dir, monthAgo(t, dir)); got.Contents != 1 || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	s = open(t, dir)
	if _, err := read(t, s, pipeline.DigestOf([]byte("whole"))); err != nil {
		t.Error(err)
	}
	if _, err := read(t, s, pipeline.DigestOf([]byte("hurt"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the damaged content: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "segments", string(tree.Digest))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is no segment: %v", err)
	}
}
