package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
)

// A memoryCache is a cache that a test can damage.
type memoryCache struct {
	mu      sync.Mutex
	entries map[string][]byte
}

func (c *memoryCache) Get(_ context.Context, key string) (pipeline.Content, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	data, ok := c.entries[key]
	if !ok {
		return nil, fmt.Errorf("entry %q: %w", key, fs.ErrNotExist)
	}
	return memoryContent{bytes.NewReader(data)}, nil
}

func (c *memoryCache) Put(_ context.Context, key string, content io.Reader) error {
	data, err := io.ReadAll(content)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil {
		c.entries = map[string][]byte{}
	}
	c.entries[key] = data
	return err
}

type memoryContent struct{ *bytes.Reader }

func (memoryContent) Close() error { return nil }

// damage changes all entries.
func (c *memoryCache) damage(change func([]byte) []byte) {
	for key, data := range c.entries {
		c.entries[key] = change(bytes.Clone(data))
	}
}

// A state is what a night before left.
type state struct {
	cache *memoryCache
	dists []packed
	store *store.Store
	dir   string // of the store
}

// TestPackSameBytes packs the same with all that must not count: the number of
// workers, and a cache and a store in any state.
func TestPackSameBytes(t *testing.T) {
	tests := []struct {
		name    string
		workers int
		prepare func(*testing.T, *state)
	}{
		{"8 workers, no cache", 8, func(_ *testing.T, s *state) { s.cache = &memoryCache{} }},
		{"1 worker, warm cache", 1, func(*testing.T, *state) {}},
		{"8 workers, warm cache", 8, func(*testing.T, *state) {}},
		{"a bit of the cache flipped", 2, func(_ *testing.T, s *state) {
			s.cache.damage(func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		}},
		{"cache cut off", 2, func(_ *testing.T, s *state) {
			s.cache.damage(func(b []byte) []byte { return b[:len(b)/2] })
		}},
		{"cache empty", 2, func(_ *testing.T, s *state) {
			s.cache.damage(func([]byte) []byte { return nil })
		}},
		{"the dist of another package", 2, func(_ *testing.T, s *state) {
			s.cache.damage(func([]byte) []byte { return []byte(s.dists[1].File.Digest) })
		}},
		{"the contents of another package", 2, func(_ *testing.T, s *state) {
			s.cache.damage(func(b []byte) []byte {
				if bytes.HasPrefix(b, []byte("{")) {
					return b
				}
				return append([]byte(s.dists[1].File.Digest), b[64:]...)
			})
		}},
		{"something that is no dist", 2, func(t *testing.T, s *state) {
			s.cache.damage(func([]byte) []byte { return []byte(add(t, s.store, "x", pipeline.Regular, "no zip").Digest) })
		}},
		{"last dists gone", 2, func(t *testing.T, s *state) {
			without(t, s, func(part []byte) []byte { return make([]byte, len(part)) })
			for _, d := range s.dists { // found damaged, they are removed
				if _, err := readDist(t, s.store, d); err == nil {
					t.Error("a dist is still there")
				}
			}
		}},
		{"last dists damaged", 2, func(t *testing.T, s *state) {
			without(t, s, func(part []byte) []byte { part[60] ^= 1; return part })
		}},
		{"last dists cut off", 2, func(t *testing.T, s *state) {
			without(t, s, func(part []byte) []byte { clear(part[10:]); return part })
		}},
	}
	ctx := context.Background()
	base := openStore(t)
	want, err := (&packer{store: base, workers: 1}).pack(ctx, release(large(t, base), "2"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			st := &state{cache: &memoryCache{}, dir: t.TempDir()}
			s := openStoreIn(t, st.dir)
			st.store = s
			packings := large(t, s)
			p := &packer{store: s, cache: st.cache, workers: 2}
			if st.dists, err = p.pack(ctx, packings); err != nil {
				t.Fatal(err)
			}
			test.prepare(t, st)
			p = &packer{store: s, cache: st.cache, workers: test.workers}
			got, err := p.pack(ctx, release(packings, "2"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("packed (-without cache +got):\n%s", diff)
			}
		})
	}
}

func readDist(t *testing.T, from pipeline.Reader, d packed) ([]byte, error) {
	content, err := from.Open(t.Context(), d.File.Digest)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(content)
}

// without changes the last dists where the store has them.
func without(t *testing.T, s *state, change func(dist []byte) []byte) {
	t.Helper()
	dists := make([][]byte, len(s.dists))
	for i, d := range s.dists {
		var err error
		if dists[i], err = readDist(t, s.store, d); err != nil {
			t.Fatal(err)
		}
	}
	small, err := filepath.Glob(filepath.Join(s.dir, "segments", "*"))
	if err != nil {
		t.Fatal(err)
	}
	large, err := filepath.Glob(filepath.Join(s.dir, "blobs", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	hits := 0
	for _, path := range append(small, large...) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, dist := range dists {
			if at := bytes.Index(data, dist); at >= 0 {
				hits++
				copy(data[at:], change(bytes.Clone(dist)))
			}
		}
		if err := errors.Join(os.Chmod(path, 0o644), os.WriteFile(path, data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if hits != len(dists) {
		t.Fatalf("%d of %d dists found in the store", hits, len(dists))
	}
}

// A recordingStore remembers which contents were opened.
type recordingStore struct {
	pipeline.Store
	mu     sync.Mutex
	opened map[pipeline.Digest]bool
}

func (s *recordingStore) Open(ctx context.Context, d pipeline.Digest) (pipeline.Content, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened[d] = true
	return s.Store.Open(ctx, d)
}

// TestPackCompressesOnce: in the next night, in which every version is new, only
// what changed is read.
func TestPackCompressesOnce(t *testing.T) {
	ctx := context.Background()
	s := openStore(t)
	cache := s.Cache("build")
	packings := []packing{module(t, s), {Name: "mage-os/meta"}}
	last, err := (&packer{store: s, cache: cache}).pack(ctx, release(packings, "1"))
	if err != nil {
		t.Fatal(err)
	}
	changed := add(t, s, "bin/run", pipeline.Executable, "#!/bin/bash\n")
	link := packings[0].Files[6]
	packings[0].Files[1] = changed
	packings[0].Files[0].Mode = pipeline.Executable // is no change of the content
	recording := &recordingStore{Store: s, opened: map[pipeline.Digest]bool{}}
	got, err := (&packer{store: recording, cache: cache}).pack(ctx, release(packings, "2"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[pipeline.Digest]bool{last[0].File.Digest: true, last[1].File.Digest: true, changed.Digest: true, link.Digest: true}
	if diff := cmp.Diff(want, recording.opened); diff != "" {
		t.Errorf("opened (-want +got):\n%s", diff)
	}
	fresh, err := (&packer{store: s}).pack(ctx, release(packings, "2"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fresh, got); diff != "" {
		t.Errorf("packed (-without cache +with):\n%s", diff)
	}
}

// TestPackedBefore: of a package that was made before nothing is read, as long as the store
// has its dist.
func TestPackedBefore(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	s := openStoreIn(t, dir)
	cache := &memoryCache{}
	packings := large(t, s)[:1]
	made, err := (&packer{store: s, cache: cache}).pack(ctx, packings)
	if err != nil {
		t.Fatal(err)
	}
	again := func(want map[pipeline.Digest]bool) {
		t.Helper()
		recording := &recordingStore{Store: s, opened: map[pipeline.Digest]bool{}}
		got, err := (&packer{store: recording, cache: cache}).pack(ctx, packings)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(made, got); diff != "" {
			t.Errorf("packed (-before +again):\n%s", diff)
		}
		if want != nil && !cmp.Equal(want, recording.opened) {
			t.Errorf("opened (-want +got):\n%s", cmp.Diff(want, recording.opened))
		}
	}
	again(map[pipeline.Digest]bool{made[0].File.Digest: true})
	without(t, &state{dists: made, store: s, dir: dir}, func(dist []byte) []byte { return make([]byte, len(dist)) })
	if _, err := readDist(t, s, made[0]); err == nil {
		t.Fatal("the dist is still there")
	}
	again(nil)
	packings[0].Files[10].Mode = pipeline.Executable // is another dist
	got, err := (&packer{store: s, cache: cache}).pack(ctx, packings)
	if err != nil || got[0].File.Digest == made[0].File.Digest {
		t.Errorf("of another mode: %v, %v", got, err)
	}
}

// TestPackSameSize: that a file of the last dist has the path and the size decides no byte: its
// content counts.
func TestPackSameSize(t *testing.T) {
	for name, method := range map[string]string{"compressed": strings.Repeat("<?php // good\n", 100), "stored": "<?php"} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			s := openStore(t)
			cache := &memoryCache{}
			old, changed := add(t, s, "a.php", pipeline.Regular, method), add(t, s, "a.php", pipeline.Regular, strings.ReplaceAll(method, "php", "PHP"))
			other := add(t, s, "b.php", pipeline.Regular, method)
			night := func(file pipeline.File, version string) []packing {
				return release([]packing{{Name: "acme/one", Files: []pipeline.File{file, other}}}, version)
			}
			if _, err := (&packer{store: s, cache: cache}).pack(ctx, night(old, "1")); err != nil {
				t.Fatal(err)
			}
			got, err := (&packer{store: s, cache: cache}).pack(ctx, night(changed, "2"))
			if err != nil {
				t.Fatal(err)
			}
			want, err := (&packer{store: s}).pack(ctx, night(changed, "2"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("packed (-without cache +with):\n%s", diff)
			}
		})
	}
}

// TestPackLinkBecomesFile: a symbolic link is stored, a file of the same content
// is compressed.
func TestPackLinkBecomesFile(t *testing.T) {
	ctx := context.Background()
	s := openStore(t)
	cache := s.Cache("build")
	target := strings.Repeat("folder/", 100) + "file"
	for _, mode := range []pipeline.Mode{pipeline.Symlink, pipeline.Regular, pipeline.Symlink} {
		packings := release([]packing{{Name: "v/p", Files: []pipeline.File{add(t, s, "a", mode, target)}}}, "1")
		got, err := (&packer{store: s, cache: cache}).pack(ctx, packings)
		if err != nil {
			t.Fatal(err)
		}
		want, err := (&packer{store: s}).pack(ctx, packings)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("mode %o (-without cache +with):\n%s", mode, diff)
		}
	}
}

// TestCompressor keeps the cache's key in step with what compresses.
func TestCompressor(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(data), "github.com/klauspost/compress ")
	version, _, _ := strings.Cut(after, "\n")
	version, _, _ = strings.Cut(version, " ")
	if want := fmt.Sprintf("klauspost/compress %s flate %d,", version, level); !strings.HasPrefix(compressor, want) {
		t.Errorf("compressor is %q; go.mod and level ask for %q: correct it, and raise the stage's Version", compressor, want)
	}
}
