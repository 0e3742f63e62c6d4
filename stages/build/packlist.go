package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mage-os/nightly/pipeline"
)

// The modes of entries in a zip: Unix's, with the type of the file.
const (
	zipRegular    = 0o100644
	zipExecutable = 0o100755
	zipSymlink    = 0o120777
	zipDirectory  = 0o040755
)

const manifestFile = "composer.json"

// An entry is one entry of a dist and, once that is known, its packed form.
type entry struct {
	path   string // a directory's ends in a slash
	mode   uint16
	digest pipeline.Digest // of the content; empty for a directory
	size   int64           // in bytes

	method uint16
	crc    uint32
	packed int64  // bytes in the zip
	kept   bool   // the packed content is to be copied from the package's last dist
	direct bool   // it is the content as the store has it
	chunk  *chunk // else this holds it
	offset int64  // of the packed content in the last dist or the chunk
}

func (e *entry) directory() bool { return e.mode == zipDirectory }

// A dist is a packing under way.
type dist struct {
	packing
	entries  []entry         // in byte order of their paths
	previous pipeline.Digest // of the package's last dist, if entries are copied from it
	spill    string          // beginning of the names of its files for chunks
	todo     int64           // bytes to compress
	chunks   []*chunk        // what is to compress; at least one
	left     atomic.Int32    // chunks that are not finished
	result   packed

	mu   sync.Mutex
	errs []error
}

func (d *dist) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.errs = append(d.errs, err)
}

func (d *dist) failed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.errs) > 0
}

// release forgets all but the result.
func (d *dist) release() { d.entries, d.chunks, d.Files = nil, nil, nil }

// plan says what a dist will hold and what of it must be compressed.
func (p *packer) plan(ctx context.Context, pk packing, spill string) *dist {
	d := &dist{packing: pk, spill: spill}
	var err error
	if d.entries, err = list(pk); err != nil {
		d.fail(err)
		d.entries = nil
	}
	p.reuse(ctx, d)
	d.cut()
	return d
}

// list gives a packing's entries in the order of the zip.
func list(pk packing) ([]entry, error) {
	entries := make([]entry, 0, len(pk.Files)+len(pk.Directories)+1)
	sum := sha256.Sum256(pk.Manifest)
	entries = append(entries, entry{
		path: manifestFile, mode: zipRegular, size: int64(len(pk.Manifest)), digest: pipeline.Digest(hex.EncodeToString(sum[:])),
	})
	var errs []error
	for _, f := range pk.Files {
		mode, err := zipMode(f)
		errs = append(errs, err)
		entries = append(entries, entry{path: f.Path, mode: mode, size: f.Size, digest: f.Digest})
	}
	for _, path := range pk.Directories {
		errs = append(errs, pipeline.ValidPath(path))
		entries = append(entries, entry{path: path + "/", mode: zipDirectory})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	return entries, checkTwice(entries)
}

// zipMode also checks the file's path.
func zipMode(f pipeline.File) (uint16, error) {
	if err := pipeline.ValidPath(f.Path); err != nil {
		return 0, err
	}
	switch f.Mode {
	case pipeline.Regular:
		return zipRegular, nil
	case pipeline.Executable:
		return zipExecutable, nil
	case pipeline.Symlink:
		return zipSymlink, nil
	}
	return 0, fmt.Errorf("%s has mode %o, which a dist cannot hold; exclude it from the package", f.Path, f.Mode)
}

// checkTwice finds paths that come twice in sorted entries.
func checkTwice(entries []entry) error {
	var errs []error
	for i := 1; i < len(entries); i++ {
		if entries[i].path == entries[i-1].path {
			errs = append(errs, fmt.Errorf("%s comes twice in the package", entries[i].path))
		}
	}
	return errors.Join(errs...)
}

// Sizes, in bytes of content.
const (
	// A chunk is large enough that handing it out costs nothing, and small
	// enough that a large package keeps all workers busy to its end.
	chunkSize = 512 << 10
	// A larger file is compressed as a stream, below it is read as a whole.
	streamSize = 4 << 20
	// So much of a larger file tells whether it is worth to compress it.
	sampleSize = 1 << 20
	// A dist of which more is to compress keeps its chunks in files until it is
	// written.
	memorySize = 16 << 20
)

// A chunk is a run of a dist's entries that one worker compresses. Their packed
// contents lie in the chunk, one after the other.
type chunk struct {
	entries []int // of the dist
	size    int64 // bytes to compress
	file    string
	data    []byte // if file is empty
}

// cut divides what is to compress into chunks.
func (d *dist) cut() {
	// The dist is written by whoever finishes its last chunk: there is one even
	// if there is nothing to compress.
	last := &chunk{}
	d.chunks, d.todo = []*chunk{last}, 0
	for i := range d.entries {
		e := &d.entries[i]
		if e.kept || e.directory() {
			continue
		}
		if len(last.entries) > 0 && last.size+e.size > chunkSize {
			last = &chunk{}
			d.chunks = append(d.chunks, last)
		}
		last.entries = append(last.entries, i)
		last.size += e.size
		e.chunk = last
		d.todo += e.size
	}
	d.left.Store(int32(len(d.chunks)))
	for i, c := range d.chunks {
		if d.todo > memorySize || c.size > streamSize {
			c.file = d.spill + "." + strconv.Itoa(i)
		}
	}
}
