package publish

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

// A saying gives what the metadata of a package says beside its versions, by what it said
// before.
type saying func(pkg string, before composer.Said) composer.Said

// says is what a file says; that of development versions says nothing, since Composer looks
// for it in the other one.
func (m *merger) says(file string, before composer.Said) composer.Said {
	if m.said == nil || packageOf(file) != file {
		return composer.Said{}
	}
	return m.said(file, before)
}

// headOf gives the beginning of a file of merged metadata, before its packages.
func headOf(said composer.Said) (string, error) {
	if said.IsZero() {
		return minifiedHead, nil
	}
	data, err := pipeline.EncodeJSON(said, "")
	data = bytes.TrimPrefix(bytes.TrimSuffix(data, []byte("}\n")), []byte("{"))
	return minifiedHead + string(data) + ",", err
}

// readAdvisories reads the advisories that a line names; nil if it names none.
func (o Options) readAdvisories(ctx context.Context, m *releases.Manifest) ([]composer.Advisory, error) {
	at := m.Plan.Line.Advisories
	if at == "" || o.Fetch == nil {
		return nil, nil
	}
	data, err := o.Fetch(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("advisories of the line: %w", err)
	}
	all, err := composer.ParseAdvisories(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; nothing was published", at, err)
	}
	return all, nil
}

// withdrawnList is the list of "filter" with what a repository took back.
const withdrawnList = "withdrawn"

// said is what the metadata says of versions that were withdrawn, and of vulnerable ones:
// those of the line, or where a run reads none those of before.
func (r *repository) said(want desired) saying {
	resolved, filter := map[string]bool{}, map[string][]composer.FilterEntry{}
	for _, n := range r.snapshots {
		for _, d := range n.sums {
			resolved[d.pkg+" "+d.version] = true
		}
	}
	add := func(pkg, version, why string) {
		if v, err := composer.ParseVersion(version); err == nil {
			filter[pkg] = append(filter[pkg], composer.FilterEntry{Constraint: "==" + v.Normalized(), Reason: why})
		}
	}
	for _, text := range r.versions {
		pkg, version, _ := strings.Cut(text, " ")
		add(pkg, version, "this version was withdrawn")
	}
	for _, n := range r.withdrawn {
		for _, d := range n.sums {
			if !resolved[d.pkg+" "+d.version] {
				add(d.pkg, d.version, n.name.Title()+" was withdrawn")
			}
		}
	}
	return func(pkg string, before composer.Said) (said composer.Said) {
		if entries := filter[pkg]; entries != nil {
			said.Filter = map[string][]composer.FilterEntry{withdrawnList: entries}
		}
		if said.Advisories = before.Advisories; want.advisories != nil {
			said.Advisories = nil
			for _, a := range want.advisories {
				if a.Package == pkg {
					said.Advisories = append(said.Advisories, a)
				}
			}
		}
		return said
	}
}

// A saidConfig is how packages.json tells that files of metadata say it.
type saidConfig struct {
	Advisories *advisoryConfig `json:"security-advisories,omitempty"`
	Filter     *filterConfig   `json:"filter,omitempty"`
}

type advisoryConfig struct {
	Metadata bool `json:"metadata"`
}

type filterConfig struct {
	Metadata bool                       `json:"metadata"`
	Lists    map[string]map[string]bool `json:"lists"`
}

// configOf is what packages.json says of an index's files.
func configOf(index *releases.Index) (c saidConfig) {
	if slices.ContainsFunc(index.Files, func(f releases.IndexedFile) bool { return len(f.Said.Advisories) > 0 }) {
		c.Advisories = &advisoryConfig{Metadata: true}
	}
	if slices.ContainsFunc(index.Files, func(f releases.IndexedFile) bool { return len(f.Said.Filter) > 0 }) {
		c.Filter = &filterConfig{Metadata: true, Lists: map[string]map[string]bool{withdrawnList: {"enabled": true}}}
	}
	return c
}
