package scan

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"

	"github.com/mage-os/nightly/pipeline"
)

// version stands in the name of everything that is kept. It is raised when the
// same content must give another result: when a reader here or package php reads
// anew. TestVersion says when.
const version = "1"

const (
	// maxPack bounds a pack that is read, in bytes.
	maxPack = 256 << 20
	// maxAge is how often a pack is saved without a content being asked for
	// before the content is forgotten. Two lines take turns at one pack.
	maxAge = 6
)

// A key names what a content says, read as one form of file.
type key struct {
	digest pipeline.Digest
	reader byte
}

// A pack is all results that are kept under one name.
type pack struct {
	entries map[key]*entry
	changed bool
}

type entry struct {
	result
	age byte
}

func (p *pack) find(k key) (result, bool) {
	e, ok := p.entries[k]
	if !ok {
		return result{}, false
	}
	e.age = 0
	return e.result, true
}

func (p *pack) add(k key, r result) {
	p.entries[k] = &entry{result: r}
	p.changed = true
}

// key hashes the pack's name, which may have signs that a key may not.
func (s *Scanner) key() string {
	return "scan/" + version + "/" + string(pipeline.DigestOf([]byte(s.pack)))
}

// load gives the pack as it was kept. One that is not there, or is damaged, is
// an empty one: it can be made again.
func (s *Scanner) load(ctx context.Context) *pack {
	empty := &pack{entries: map[key]*entry{}}
	if s.cache == nil {
		return empty
	}
	content, err := s.cache.Get(ctx, s.key())
	if err != nil {
		return empty
	}
	defer content.Close()
	if content.Size() > maxPack {
		return empty
	}
	data, err := io.ReadAll(content)
	if err != nil {
		return empty
	}
	p, err := decode(data)
	if err != nil {
		return empty
	}
	return p
}

// save keeps the pack if it has anything new.
func (s *Scanner) save(ctx context.Context, p *pack) error {
	if s.cache == nil || !p.changed {
		return nil
	}
	return s.cache.Put(ctx, s.key(), bytes.NewReader(p.encode()))
}

// encode writes the pack: a table of all strings, then the entries, whose strings
// are numbers in the table, then a CRC-32C over both. All numbers are varints.
func (p *pack) encode() []byte {
	t := table{numbers: map[string]uint64{}}
	var body []byte
	n := 0
	for k, e := range p.entries {
		digest, err := hex.DecodeString(string(k.digest))
		// The entries of this run have age 0 and become 1.
		if err != nil || len(digest) != digestSize || e.age >= maxAge {
			continue
		}
		n++
		body = append(body, digest...)
		body = append(body, k.reader, e.age+1)
		body = e.append(body, &t)
	}
	data := binary.AppendUvarint(nil, uint64(len(t.strings)))
	for _, s := range t.strings {
		data = binary.AppendUvarint(data, uint64(len(s)))
		data = append(data, s...)
	}
	data = binary.AppendUvarint(data, uint64(n))
	data = append(data, body...)
	return binary.BigEndian.AppendUint32(data, crc32.Checksum(data, castagnoli))
}

const digestSize = 32

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// table numbers strings: most names stand in many files.
type table struct {
	strings []string
	numbers map[string]uint64
}

func (t *table) number(s string) uint64 {
	n, ok := t.numbers[s]
	if !ok {
		n = uint64(len(t.strings))
		t.numbers[s] = n
		t.strings = append(t.strings, s)
	}
	return n
}

func (r *result) append(data []byte, t *table) []byte {
	if !r.understood {
		return append(data, 0)
	}
	data = append(data, 1)
	data = binary.AppendUvarint(data, t.number(r.problem))
	data = binary.AppendUvarint(data, uint64(len(r.declares)))
	for _, d := range r.declares {
		data = binary.AppendUvarint(data, t.number(d))
	}
	data = binary.AppendUvarint(data, uint64(len(r.references)))
	for _, ref := range r.references {
		data = append(data, byte(ref.Kind))
		data = binary.AppendUvarint(data, t.number(ref.Name))
		data = binary.AppendUvarint(data, uint64(ref.Line))
	}
	return data
}

var errDamaged = errors.New("the pack is damaged")

// decode reads what encode wrote. It takes any bytes.
func decode(data []byte) (*pack, error) {
	end := len(data) - crc32.Size
	if end < 0 || binary.BigEndian.Uint32(data[end:]) != crc32.Checksum(data[:end], castagnoli) {
		return nil, errDamaged
	}
	d := decoder{rest: data[:end]}
	d.table()
	p := &pack{entries: map[key]*entry{}}
	for range d.count(digestSize + 3) {
		digest := hex.EncodeToString(d.bytes(digestSize))
		k := key{pipeline.Digest(digest), d.byte()}
		age := d.byte()
		r := d.result()
		if d.damaged {
			return nil, errDamaged
		}
		p.entries[k] = &entry{r, age}
	}
	if d.damaged || len(d.rest) > 0 {
		return nil, errDamaged
	}
	return p, nil
}
