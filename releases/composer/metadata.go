package composer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A Dist says where a package's archive is. SHASum is SHA-1 in hex, which is all that Composer checks.
type Dist struct {
	Type      string `json:"type"`
	URL       string `json:"url"`
	Reference string `json:"reference"`
	SHASum    string `json:"shasum"`
}

// A PackageVersion is one version of a package in a repository. Dist is nil for a metapackage, which has no files.
type PackageVersion struct {
	Manifest *Manifest
	Dist     *Dist
}

// EncodeMetadata writes a package's file in a Composer repository: {"packages":{name:[…]}}, newest version first,
// compact, with a line break at the end; the same versions give the same bytes in whatever order they come. Each
// entry is what the manifest's author may say, with "version_normalized" behind its "version" and the Dist as "dist" at the
// end, whatever the manifest says there. Two versions that are the same to Composer (1.0.0 and 1.0.0.0, or 1.0+p3 and 1.0+p4) are an
// error, and so is one that is not Loadable, and one that is no metapackage and has no Dist.
func EncodeMetadata(name Name, versions []PackageVersion) ([]byte, error) {
	entries := make([]entry, 0, len(versions))
	var errs []error
	for _, version := range versions {
		entry, err := newEntry(name, version)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		entries = append(entries, entry)
	}
	sortEntries(entries)
	for i := 1; i < len(entries); i++ {
		if a, b := entries[i-1].version, entries[i].version; a.Compare(b) == 0 {
			errs = append(errs, fmt.Errorf("%s: Composer cannot tell version %s from %s (%s)", name, a, b, a.Normalized()))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("metadata of %s: %w", name, err)
	}
	out := slices.Concat([]byte(`{"packages":{`), quote(string(name)), []byte(":["))
	for i, entry := range entries {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, entry.root.text()...)
	}
	return append(out, "]}}\n"...), nil
}

// An entry is one version in repository metadata.
type entry struct {
	version Version
	root    object
}

// sortEntries sorts newest first; of versions equal to Composer the greater text comes first.
func sortEntries(entries []entry) {
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(b.version.Compare(a.version), strings.Compare(b.version.String(), a.version.String()))
	})
}

func newEntry(name Name, p PackageVersion) (entry, error) {
	if p.Manifest == nil {
		return entry{}, errors.New("a version has no manifest")
	}
	if p.Manifest.Name() != string(name) {
		return entry{}, fmt.Errorf("version %s has the name %q", p.Manifest.Version(), p.Manifest.Name())
	}
	if err := p.Manifest.Loadable(); err != nil {
		return entry{}, fmt.Errorf("version %s: %w", p.Manifest.Version(), err)
	}
	version, _ := ParseVersion(p.Manifest.Version()) // it is one
	m := p.Manifest.Clone()
	m.Delete(m.Unauthored()...)
	if err := m.SetAfter("version", "version_normalized", version.Normalized()); err != nil {
		return entry{}, err
	}
	if p.Dist != nil {
		m.root.set("dist", p.Dist.text())
		return entry{version: version, root: m.root}, nil
	}
	if m.Type() != "metapackage" {
		return entry{}, fmt.Errorf("version %s is a %s without dist; only a metapackage may be", version, m.Type())
	}
	return entry{version: version, root: m.root}, nil
}

// authored are the keys of Composer's schema of a package (composer-schema.json) but "source", "dist" and
// "default-branch", which are for repositories to say.
var authored = []string{
	"name", "description", "license", "type", "abandoned", "version", "non-feature-branches", "keywords", "readme", "time", "authors",
	"homepage", "support", "funding", "_comment", "require", "require-dev", "replace", "conflict", "provide", "suggest", "repositories",
	"minimum-stability", "prefer-stable", "autoload", "autoload-dev", "target-dir", "include-path", "bin", "archive", "config", "extra",
	"scripts", "scripts-descriptions", "scripts-aliases", "php-ext",
}

// Unauthored are the keys that are not for the author of a package to say. Some of them Composer obeys in a repository's
// metadata: "source", "notification-url", "transport-options".
func (m *Manifest) Unauthored() []string {
	return slices.DeleteFunc(m.Keys(), func(key string) bool { return slices.Contains(authored, key) })
}

func (d *Dist) text() jsontext.Value {
	return object{
		{"type", quote(d.Type)}, {"url", quote(d.URL)}, {"reference", quote(d.Reference)}, {"shasum", quote(d.SHASum)},
	}.text()
}
