package drift

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// baselineFormat is the format of baselines that this program reads and writes.
const baselineFormat = 1

// A Baseline is the set of findings that are known, so that a report can say
// what is new. The zero Baseline knows nothing.
type Baseline struct {
	keys map[Key]bool
}

// baselineFile is a baseline as a file: sorted, one name a line, and without
// places in files, so that a commit shows what came and what went.
type baselineFile struct {
	Format   int                          `json:"format"`
	Packages map[string]map[Kind][]string `json:"packages"`
}

// BaselineOf is the baseline that knows all findings of a report.
func BaselineOf(r Report) Baseline {
	b := Baseline{keys: make(map[Key]bool, len(r.Findings))}
	for _, f := range r.Findings {
		b.keys[f.Key()] = true
	}
	return b
}

// ParseBaseline reads what Encode wrote. Unknown keys, kinds and formats are
// errors: a misspelt one would let something new pass.
func ParseBaseline(data []byte) (Baseline, error) {
	var file baselineFile
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return Baseline{}, fmt.Errorf("read baseline: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Baseline{}, errors.New("read baseline: more text behind the JSON object")
	}
	if file.Format != baselineFormat {
		return Baseline{}, fmt.Errorf("read baseline: it has format %d, and this program knows %d; write it anew", file.Format, baselineFormat)
	}
	b := Baseline{keys: map[Key]bool{}}
	for name, kinds := range file.Packages {
		for kind, requires := range kinds {
			if !slices.Contains(Kinds, kind) {
				return Baseline{}, fmt.Errorf("read baseline: package %s: there is no kind %q; the kinds are %v", name, kind, Kinds)
			}
			for _, require := range requires {
				b.keys[Key{name, kind, require}] = true
			}
		}
	}
	return b, nil
}

// Encode writes the baseline as a file: the same findings are the same bytes.
func (b Baseline) Encode() ([]byte, error) {
	file := baselineFile{Format: baselineFormat, Packages: map[string]map[Kind][]string{}}
	for _, k := range b.sorted() {
		if file.Packages[k.Package] == nil {
			file.Packages[k.Package] = map[Kind][]string{}
		}
		file.Packages[k.Package][k.Kind] = append(file.Packages[k.Package][k.Kind], k.Require)
	}
	data, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write baseline: %w", err)
	}
	return append(data, '\n'), nil
}

func (b Baseline) sorted() []Key { return slices.SortedFunc(maps.Keys(b.keys), Key.compare) }

// A Comparison is a report beside a baseline.
type Comparison struct {
	Report
	// New are the keys of the findings that the baseline does not know.
	New map[Key]bool
	// Known counts the others.
	Known int
	// Gone are what the baseline knows and the report does not have any more, of
	// the packages that the report is about and of those that are no more.
	Gone []Key
}

// Compare puts a report beside the baseline. Partial says that the report is
// about some packages only: what the baseline knows of others is then not gone.
func (b Baseline) Compare(r Report, partial bool) Comparison {
	c := Comparison{Report: r, New: map[Key]bool{}, Gone: []Key{}}
	found := BaselineOf(r)
	for k := range found.keys {
		if !b.keys[k] {
			c.New[k] = true
		}
	}
	c.Known = len(found.keys) - len(c.New)
	looked := map[string]bool{}
	for _, p := range r.Packages {
		looked[p.Name] = true
	}
	for _, k := range b.sorted() {
		if !found.keys[k] && (!partial || looked[k.Package]) {
			c.Gone = append(c.Gone, k)
		}
	}
	return c
}

// Merge is the baseline to write after a report about some packages only: what
// it knew of others stays.
func (b Baseline) Merge(r Report) Baseline {
	merged := BaselineOf(r)
	looked := map[string]bool{}
	for _, p := range r.Packages {
		looked[p.Name] = true
	}
	for k := range b.keys {
		if !looked[k.Package] {
			merged.keys[k] = true
		}
	}
	return merged
}

// Alarming gives the findings that are new and unreachable, in order: what makes
// the command fail.
func (c Comparison) Alarming() []Finding {
	var found []Finding
	for _, f := range c.Findings {
		if f.Kind == Unreachable && c.New[f.Key()] {
			found = append(found, f)
		}
	}
	return found
}
