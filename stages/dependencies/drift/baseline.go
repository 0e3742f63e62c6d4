package drift

import (
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/mage-os/nightly/pipeline"
)

// baselineFormat is the format of baselines that this program reads and writes.
const baselineFormat = 1

// A Baseline is the set of findings that are known, so that a report can say
// what is new.
type Baseline map[Key]bool

// baselineFile is a baseline as a file: sorted, one name a line, and without
// places in files, so that a commit shows what came and what went.
type baselineFile struct {
	Format   int                          `json:"format"`
	Packages map[string]map[Kind][]string `json:"packages"`
}

// BaselineOf is the baseline that knows all findings of a report.
func BaselineOf(r Report) Baseline {
	b := Baseline{}
	for _, f := range r.Findings {
		b[f.Key()] = true
	}
	return b
}

// ParseBaseline reads what Encode wrote. Unknown keys, kinds and formats are
// errors: a misspelt one would let something new pass.
func ParseBaseline(data []byte) (Baseline, error) {
	var file baselineFile
	if err := json.Unmarshal(data, &file, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("read baseline: %w", err)
	}
	if file.Format != baselineFormat {
		return nil, fmt.Errorf("read baseline: it has format %d, and this program knows %d; write it anew", file.Format, baselineFormat)
	}
	b := Baseline{}
	for name, kinds := range file.Packages {
		for kind, requires := range kinds {
			if !slices.Contains(Kinds, kind) {
				return nil, fmt.Errorf("read baseline: package %s: there is no kind %q; the kinds are %v", name, kind, Kinds)
			}
			for _, require := range requires {
				b[Key{name, kind, require}] = true
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
	return pipeline.EncodeJSON(file, "  ")
}

func (b Baseline) sorted() []Key { return slices.SortedFunc(maps.Keys(b), Key.compare) }

// Compare marks in a report what is new, and adds what is gone. Partial says that
// the report is about some packages only: what the baseline knows of others is then
// not gone.
func (b Baseline) Compare(r Report, partial bool) Report {
	r.Findings, r.Gone = slices.Clone(r.Findings), []Key{}
	found, looked := BaselineOf(r), r.looked()
	for i, f := range r.Findings {
		r.Findings[i].New = !b[f.Key()]
	}
	for _, k := range b.sorted() {
		if !found[k] && (!partial || looked[k.Package]) {
			r.Gone = append(r.Gone, k)
		}
	}
	return r
}

// Merge is the baseline to write after a report about some packages only: what
// it knew of others stays.
func (b Baseline) Merge(r Report) Baseline {
	merged, looked := BaselineOf(r), r.looked()
	for k := range b {
		if !looked[k.Package] {
			merged[k] = true
		}
	}
	return merged
}

// looked are the packages that the report is about.
func (r Report) looked() map[string]bool {
	names := map[string]bool{}
	for _, p := range r.Packages {
		names[p.Name] = true
	}
	return names
}
