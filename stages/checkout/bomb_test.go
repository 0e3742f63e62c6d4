package checkout

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"

	"github.com/mage-os/nightly/stages"
)

// bomb is a pack of a few bytes with a blob that says to have a gibibyte.
func bomb(t *testing.T) []byte {
	t.Helper()
	pack := bytes.NewBufferString("PACK")
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 2), 1)
	pack.Write(head)
	size := uint64(1 << 30)
	pack.WriteByte(0x80 | byte(plumbing.BlobObject)<<4 | byte(size&0xf))
	size >>= 4
	for ; size >= 0x80; size >>= 7 {
		pack.WriteByte(0x80 | byte(size&0x7f))
	}
	pack.WriteByte(byte(size))
	w := zlib.NewWriter(pack)
	if _, err := w.Write([]byte("boom")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha1.Sum(pack.Bytes())
	return append(pack.Bytes(), sum[:]...)
}

// An object that unpacks to more than any memory is refused before it is read.
func TestObjectBomb(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bomb.pack"), bomb(t), 0o644); err != nil {
		t.Fatal(err)
	}
	o := &objects{packs: []*pack{{fs: osfs.New(dir), path: "bomb.pack", index: idxfile.NewMemoryIndex()}}}
	r := <-newReaders()
	_, err := o.read(place{id: plumbing.NewHash(strings.Repeat("a1", 20)), pack: 0, offset: 12}, r, anyObject)
	if err == nil || !strings.Contains(err.Error(), "has 1073741824 bytes, more than") {
		t.Errorf("%v", err)
	}
	if err := r.close(); err != nil {
		t.Error(err)
	}
}

// What lies in a file of its own is refused by its head, and so is what would be read whole.
func TestLooseBomb(t *testing.T) {
	for name, test := range map[string]struct{ file, want string }{
		"blob":           {"pub/film.mp4", "object 587be6b4c3f93f93c489c0111bba5596147a26cb has 629145600 bytes, more than 536870912"},
		"lock":           {"composer.lock", "composer.lock 587be6b4c3f93f93c489c0111bba5596147a26cb has 629145600 bytes, more than 16777216"},
		"manifest below": {"a/composer.json", "a/composer.json 587be6b4c3f93f93c489c0111bba5596147a26cb has 629145600 bytes, more than 16777216"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "r")
			r := newRepository(t, dir)
			pin := stages.Pin{Name: "sample", URL: "file://" + dir, Ref: main, Commit: r.commit(main, r.tree([]line{regular(test.file, "x\n")})).String()}
			var head bytes.Buffer
			w := zlib.NewWriter(&head)
			fmt.Fprint(w, "blob 629145600\x00x\n")
			w.Flush() // and no end
			blob := filepath.Join(dir, "objects", "58", "7be6b4c3f93f93c489c0111bba5596147a26cb")
			if _, err := os.Stat(blob); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(blob); err != nil {
				t.Fatal(err)
			}
			mustWrite(t, blob, head.Bytes())
			_, err := Stage(Options{Store: openStore(t), Dir: t.TempDir()}).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{pin}})
			mustBeSourceError(t, err, test.want)
		})
	}
}

// A server that sends such an object is asked once, and nothing of it is kept.
func TestPackBomb(t *testing.T) {
	r := newRig(t)
	r.faults = []fault{func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		pack := append([]byte{1}, bomb(t)...) // on the channel of the pack
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		fmt.Fprintf(w, "00000008NAK\n%04x%s0000", len(pack)+4, pack)
	}}
	_, err := r.run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the object at byte 12 of the pack has 1073741824 bytes, more than 536870912") {
		t.Errorf("%v", err)
	}
	if packs, _ := r.reset(); packs != 1 || len(r.waiter.pauses) > 0 {
		t.Errorf("asked %d times, with pauses %v", packs, r.waiter.pauses)
	}
	if left, err := filepath.Glob(filepath.Join(r.cache(), "*", "pack", "*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
	r.mustHaveSample(t)
}
