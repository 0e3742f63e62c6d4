package store_test

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
)

// FuzzSegment reads a segment with any contents and any index, under the name
// that belongs to that: nothing must come out of it that is not what it is
// called, and the store must go on working.
func FuzzSegment(f *testing.F) {
	digest, err := hex.DecodeString(string(pipeline.DigestOf([]byte("hello"))))
	if err != nil {
		f.Fatal(err)
	}
	entry := func(offset, size uint64) []byte {
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(append([]byte{}, digest...), offset), size)
	}
	f.Add([]byte("hello"), entry(0, 5), uint64(1))
	f.Add([]byte("hello"), entry(1, 4), uint64(1))
	f.Add([]byte("hello"), entry(0, 6), uint64(1))
	f.Add([]byte("hello"), entry(1<<63, 1<<63), uint64(1))
	f.Add([]byte("hello"), entry(0, 5), uint64(1<<60))
	f.Add([]byte{}, []byte{}, uint64(0))
	f.Fuzz(func(t *testing.T, contents, index []byte, count uint64) {
		dir := t.TempDir()
		s, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		tail := binary.BigEndian.AppendUint64(append([]byte{}, index...), count)
		name := filepath.Join(dir, "segments", string(pipeline.DigestOf(tail)))
		if err := os.WriteFile(name, append(append([]byte{}, contents...), tail...), 0o644); err != nil {
			t.Fatal(err)
		}
		for at := 0; at+32 <= len(index); at += 48 {
			want := pipeline.Digest(hex.EncodeToString(index[at : at+32]))
			c, err := s.Open(t.Context(), want)
			if err != nil {
				continue
			}
			data, err := io.ReadAll(c)
			if got := pipeline.DigestOf(data); err == nil && got != want {
				t.Errorf("read %q, which is %s, as %s", data, got, want)
			}
			c.Close()
		}
		if _, err := read(t, s, add(t, s, []byte("another")).Digest); err != nil {
			t.Errorf("added beside it: %v", err)
		}
	})
}
