package scan

import (
	"bytes"
	"context"
	"encoding/gob"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages/dependencies/php"
)

// version stands in the name of everything that is kept. It is raised when the
// same content must give another result: when a reader here or package php reads
// anew. TestVersion says when.
const version = "2"

const (
	// maxPack bounds a pack that is read, in bytes.
	maxPack = 256 << 20
	// maxAge is how often a pack is saved without a content being asked for
	// before the content is forgotten. Two lines take turns at one pack.
	maxAge = 6
)

// A key names what a content says, read as one form of file.
type key struct {
	Digest pipeline.Digest
	Form   form
}

// An entry is what a content says, as it is kept.
type entry struct {
	Key  key
	Age  uint8     // how often the pack was saved since it was asked for
	File *php.File // nil: it is no file that is understood
}

// A pack is all that is kept under one name.
type pack map[key]*entry

// name hashes the pack's, which may have signs that a key of the cache may not.
func (s Scanner) name() string {
	return "scan/" + version + "/" + string(pipeline.DigestOf([]byte(s.Pack)))
}

// load gives the pack as it was kept. One that is not there, or is damaged, is
// an empty one: it can be made again.
func (s Scanner) load(ctx context.Context) pack {
	p := pack{}
	if s.Cache == nil {
		return p
	}
	content, err := s.Cache.Get(ctx, s.name())
	if err != nil {
		return p
	}
	defer content.Close()
	var entries []*entry
	if content.Size() > maxPack || gob.NewDecoder(content).Decode(&entries) != nil {
		return p
	}
	for _, e := range entries {
		p[e.Key] = e
	}
	return p
}

// save keeps the pack.
func (s Scanner) save(ctx context.Context, p pack) error {
	if s.Cache == nil {
		return nil
	}
	var entries []*entry
	for _, e := range p {
		if e.Age++; e.Age <= maxAge {
			entries = append(entries, e)
		}
	}
	var data bytes.Buffer
	if err := gob.NewEncoder(&data).Encode(entries); err != nil {
		return err
	}
	return s.Cache.Put(ctx, s.name(), &data)
}
