package verify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// merged verifies the metadata that Composer reads: its index names it and all its files,
// and it is made of the snapshots that packages.json names, whole.
func (c *check) merged(ctx context.Context) {
	m := &mergedMetadata{check: c, dir: metaDir + "/" + c.meta, served: map[string][]byte{}, adopted: map[string]bool{}, times: map[string]string{}, files: map[string][]byte{}}
	wanted := []string{releases.IndexName}
	for _, name := range c.names {
		wanted = append(wanted, name+".json", name+"~dev.json")
	}
	data := make([][]byte, len(wanted))
	_ = pipeline.Each(len(wanted), readers, func(i int) error {
		data[i], _ = m.read(ctx, wanted[i])
		return nil // problems are noted
	})
	index := m.parse(data[0], c.meta)
	for i, name := range wanted[1:] {
		if data[i+1] == nil {
			continue
		}
		m.served[name], m.files[name] = data[i+1], data[i+1]
		if index == nil || !c.mirrors(index.URL) {
			continue
		}
		// A mirror puts its own URL into the files; they are compared as they were named.
		if back, err := stages.Rebase(data[i+1], c.base, index.URL); err == nil {
			m.files[name] = back
		}
	}
	m.entries()
	if index == nil {
		return
	}
	if index.URL != c.base && !c.mirrors(index.URL) {
		m.bad(releases.IndexName, "was made for %.120q, packages.json names %s", index.URL, c.base)
	}
	m.compare(index)
	m.indexed(index)
}

// mergedMetadata is a metadata folder while it is verified.
type mergedMetadata struct {
	*check
	dir     string
	served  map[string][]byte // Composer's metadata; only of the current one
	adopted map[string]bool   // versions that were adopted, by packageKey of the file
	times   map[string]string // of versions, by packageKey of the file; none of those that nobody here knows
	files   map[string][]byte // the same, as it was when it was named
}

// read reads a file of the folder that has to be there.
func (m *mergedMetadata) read(ctx context.Context, name string) ([]byte, bool) {
	limit := int64(maxMetadata)
	if name == releases.IndexName {
		limit = maxVersions
	}
	return m.check.read(ctx, m.dir+"/"+name, limit)
}

// bad notes a problem of a file of the folder.
func (m *mergedMetadata) bad(name, format string, args ...any) {
	m.check.bad(m.dir+"/"+name, format, args...)
}

// parse reads the index; nil where it is none.
func (m *mergedMetadata) parse(data []byte, name string) *releases.Index {
	if data == nil {
		return nil
	}
	if sum := pipeline.DigestOf(data); string(sum) != name {
		m.check.bad(m.dir, "does not have the content that it is named by: the SHA-256 of its %s is %s", releases.IndexName, sum)
	}
	index, err := releases.ParseIndex(data)
	if err != nil {
		m.bad(releases.IndexName, "%v", err)
		return nil
	}
	return index
}

// compare compares the files with the index.
func (m *mergedMetadata) compare(index *releases.Index) {
	for _, name := range slices.Sorted(maps.Keys(m.files)) {
		file := index.File(strings.TrimSuffix(name, ".json"))
		switch {
		case file == nil:
			m.bad(releases.IndexName, "does not name %s", name)
		case pipeline.DigestOf(m.files[name]) != file.SHA256:
			m.bad(name, "does not have the content that it is named by: its SHA-256 is %s, %s says %s", pipeline.DigestOf(m.files[name]), releases.IndexName, file.SHA256)
		}
	}
}

// indexed compares the index, which the next publish adds to, with the snapshots and the
// files.
func (m *mergedMetadata) indexed(index *releases.Index) {
	want := &releases.Index{Format: releases.IndexFormat, URL: index.URL, Snapshots: []releases.IndexedSnapshot{}, Files: []releases.IndexedFile{}}
	having := map[string][]releases.SnapshotName{} // by file and version
	sums, places := map[string]pipeline.Digest{}, map[string]string{}
	for _, name := range m.key.Snapshots {
		n := m.snapshots[name]
		if n == nil || !n.whole {
			return // what is wrong with it was said
		}
		want.Snapshots = append(want.Snapshots, n.manifest.Indexed(pipeline.DigestOf(n.data)))
		for file, entries := range n.entries {
			for version := range entries {
				key := packageKey(file, version)
				having[key] = append(having[key], name)
				if p := n.packages[packageKey(strings.TrimSuffix(file, "~dev"), version)]; p != nil && p.Dist != nil {
					sums[key] = p.Dist.SHA256
					if n.manifest.Plan.Adopted {
						places[key] = p.Dist.Path
					}
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.files)) {
		file := releases.IndexedFile{Name: strings.TrimSuffix(name, ".json"), SHA256: pipeline.DigestOf(m.files[name]), Versions: []releases.IndexedVersion{}}
		versions, said, err := metadataOf(m.files[name])
		if err != nil {
			return // it was said
		}
		file.Said = said
		for _, withdrawn := range m.key.Versions {
			name, version, _ := strings.Cut(withdrawn, " ")
			if key := packageKey(file.Name, version); name == strings.TrimSuffix(file.Name, "~dev") && having[key] != nil {
				file.Versions = append(file.Versions, releases.IndexedVersion{Version: version, SHA256: sums[key], Snapshots: having[key], Dist: places[key], Withdrawn: true})
			}
		}
		for i, v := range versions {
			if i == 0 {
				file.Type = v.fields.Type()
			}
			key := packageKey(file.Name, v.fields.Text("version"))
			file.Versions = append(file.Versions, releases.IndexedVersion{Version: v.fields.Text("version"), SHA256: sums[key], Snapshots: having[key], Dist: places[key]})
		}
		slices.SortStableFunc(file.Versions, newestFirst)
		want.Files = append(want.Files, file)
	}
	slices.SortFunc(want.Files, func(a, b releases.IndexedFile) int { return strings.Compare(a.Name, b.Name) })
	if !reflect.DeepEqual(want, index) {
		m.bad(releases.IndexName, "is not that of these snapshots and files: %s", differ(want, index))
	}
}

// newestFirst is the order of versions in an index.
func newestFirst(a, b releases.IndexedVersion) int {
	x, _ := composer.ParseVersion(a.Version)
	y, _ := composer.ParseVersion(b.Version)
	return cmp.Or(y.Compare(x), strings.Compare(b.Version, a.Version))
}

// asJSON is an entry of an index as it stands there.
func asJSON(v releases.IndexedVersion) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		return []byte(err.Error())
	}
	return data
}

// differ names the first thing in which an index is not the wanted one.
func differ(want, got *releases.Index) string {
	if len(want.Snapshots) != len(got.Snapshots) || len(want.Files) != len(got.Files) {
		return fmt.Sprintf("it has %d snapshots and %d files, and there are %d and %d", len(got.Snapshots), len(got.Files), len(want.Snapshots), len(want.Files))
	}
	for i, n := range want.Snapshots {
		if !reflect.DeepEqual(n, got.Snapshots[i]) {
			return "what it says of " + n.Snapshot.Title() + " is not what its " + releases.ManifestName + " says"
		}
	}
	for i, file := range want.Files {
		other := got.Files[i]
		for j, v := range file.Versions {
			if j < len(other.Versions) && !reflect.DeepEqual(v, other.Versions[j]) {
				return fmt.Sprintf("it says of %s %.80s: %s, and the snapshots %s", file.Name, v.Version, asJSON(other.Versions[j]), asJSON(v))
			}
		}
		if !reflect.DeepEqual(file, other) {
			return fmt.Sprintf("it has %d versions of %.120s, and there are %d of %s", len(other.Versions), other.Name, len(file.Versions), file.Name)
		}
	}
	return "its format"
}

// mirrors reports whether this may be a mirror of what is published at that URL.
func (c *check) mirrors(url string) bool {
	return url != c.base && c.o.URL == c.base && (c.trusted == nil || c.report.Signed.URL == url)
}

// entries compares every version with that of the snapshots, in both directions.
func (m *mergedMetadata) entries() {
	want := map[string]map[string]json.RawMessage{}
	for _, name := range m.key.Snapshots {
		n := m.snapshots[name]
		if n == nil || !n.whole {
			return // what is wrong with it was said, and would be said again of each version
		}
		for file, entries := range n.entries {
			if want[file] == nil {
				want[file] = map[string]json.RawMessage{}
			}
			maps.Copy(want[file], entries)
			for version := range entries {
				m.adopted[packageKey(file, version)] = n.manifest.Plan.Adopted
				if p := n.packages[packageKey(strings.TrimSuffix(file, "~dev"), version)]; p != nil && n.times != nil {
					m.times[packageKey(file, version)] = n.times[p.Commit]
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.served)) {
		file := strings.TrimSuffix(name, ".json")
		m.file(file, want[file])
	}
	for file := range want {
		if _, ok := slices.BinarySearch(m.names, strings.TrimSuffix(file, "~dev")); !ok {
			m.check.bad(stages.PackagesFile, "does not name the package %s, which a snapshot has", strings.TrimSuffix(file, "~dev"))
		}
	}
}

func (m *mergedMetadata) file(file string, want map[string]json.RawMessage) {
	name := file + ".json"
	versions, said, err := metadataOf(m.served[name])
	if err != nil {
		m.bad(name, "is no metadata: %v", err)
		return
	}
	m.said(name, said)
	found, read := map[string]bool{}, map[string]string{}
	for _, v := range versions {
		if v.pkg != strings.TrimSuffix(file, "~dev") {
			m.bad(name, "holds the package %.120q", v.pkg)
		}
		version := v.fields.Text("version")
		said, err := composer.ParseFields(want[version])
		at, known := m.times[packageKey(file, version)]
		if !known { // a site has no file that tells them
			at = v.fields.Text("time")
		}
		if err != nil || !composer.Fields(nil).Expand(said).At(at).Equal(v.fields) {
			m.bad(name, "version %.80q is not what a snapshot that is named says", version)
		}
		found[version] = true
		if err := v.fields.Publishable(m.adopted[packageKey(file, version)]); err != nil {
			m.bad(name, "version %.80s: %v; withdraw it", version, err)
		}
		if parsed, err := composer.ParseVersion(version); err == nil { // else it was said
			if other := read[parsed.Key()]; other != "" {
				m.bad(name, "versions %.80q and %.80q are one to Composer", other, version)
			}
			read[parsed.Key()] = version
		}
	}
	for version := range want {
		if !found[version] && !slices.Contains(m.key.Versions, packageKey(strings.TrimSuffix(file, "~dev"), version)) {
			m.bad(name, "version %s of a snapshot that is named is missing", version)
		}
	}
}

// A metadataVersion is one version in a file of metadata.
type metadataVersion struct {
	pkg    string
	fields composer.Fields // all of the version
}

// said verifies what a file says beside its versions: of its package, of versions that
// Composer can read.
func (m *mergedMetadata) said(name string, said composer.Said) {
	for _, a := range said.Advisories {
		if _, err := composer.ParseConstraint(a.Affected); err != nil || a.Package != strings.TrimSuffix(name, ".json") {
			m.bad(name, "has the advisory %.80q of %.120q, affected %.80q", a.ID, a.Package, a.Affected)
		}
	}
	for list, entries := range said.Filter {
		for _, e := range entries {
			if _, err := composer.ParseConstraint(e.Constraint); err != nil {
				m.bad(name, "list %.80q of its filter: %v", list, err)
			}
		}
	}
}

// metadataOf reads a file of minified metadata.
func metadataOf(data []byte) ([]metadataVersion, composer.Said, error) {
	var form struct {
		composer.Said
		Minified string                       `json:"minified"`
		Packages map[string][]json.RawMessage `json:"packages"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&form); err != nil {
		return nil, form.Said, err
	}
	if form.Minified != composer.MinifiedFormat || len(form.Packages) != 1 {
		return nil, form.Said, fmt.Errorf("it is of %d packages, minified as %.20q; want one, as %s", len(form.Packages), form.Minified, composer.MinifiedFormat)
	}
	var versions []metadataVersion
	for pkg, list := range form.Packages {
		var before composer.Fields
		for _, entry := range list {
			fields, err := composer.ParseFields(entry)
			if err != nil {
				return nil, form.Said, err
			}
			before = before.Expand(fields)
			versions = append(versions, metadataVersion{pkg, before})
		}
	}
	return versions, form.Said, nil
}

// superseded verifies a metadata folder that clients who started earlier still read.
func (c *check) superseded(ctx context.Context, folder string, names []string) {
	m := &mergedMetadata{check: c, dir: metaDir + "/" + folder, files: map[string][]byte{}}
	var data []byte
	for _, name := range names {
		file := strings.TrimPrefix(name, m.dir+"/")
		content, ok := m.read(ctx, file)
		switch {
		case !ok:
			return
		case file == releases.IndexName:
			data = content
		default:
			m.files[file] = content
		}
	}
	if data == nil {
		c.bad(m.dir, "has no %s: publish again, it is removed after its grace period", releases.IndexName)
		return
	}
	index := m.parse(data, folder)
	if index == nil {
		return // it was said
	}
	m.compare(index)
	for _, file := range index.Files {
		if m.files[file.Name+".json"] == nil {
			m.bad(file.Name+".json", "is missing")
		}
	}
}
