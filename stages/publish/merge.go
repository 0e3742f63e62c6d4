package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

// mergedSnapshots is the file in a metadata folder that says of what it was made.
type mergedSnapshots struct {
	URL       string   `json:"url"`
	Snapshots []string `json:"snapshots"` // newest first
}

// A metadata is the merged metadata of nights: every version of a package that one of
// them has. Its folder is named by the index, so that what is behind an address never
// changes.
type metadata struct {
	name  string // of the folder
	index *releases.Index
	files map[string][]byte // of the folder
}

// sums are the SHA-256 of its files.
func (m *metadata) sums() map[string]pipeline.Digest {
	sums := make(map[string]pipeline.Digest, len(m.files))
	sums[releases.IndexName] = pipeline.Digest(m.name)
	for _, f := range m.index.Files {
		sums[f.Name+".json"] = f.SHA256
	}
	return sums
}

// A merger merges the metadata of nights: into that of others, from which nights may
// be taken out, or into none.
type merger struct {
	added map[string][]*mergedVersion // by file: what nights have that are added
	gone  map[string]bool             // nights that are taken out
	parse func(string) (composer.Version, error)
}

// A mergedVersion is one version in a file of metadata, with all its fields.
type mergedVersion struct {
	releases.IndexedVersion
	fields composer.Fields
}

// merge makes the metadata of nights. What there is of it is taken from there, and only
// nights that it does not have are read; nil: all are. What comes out is the same.
func merge(ctx context.Context, there *current, snapshots []*snapshot, base string) (*metadata, error) {
	before, texts, err := there.files(ctx)
	if err != nil {
		return nil, err
	}
	m := merger{added: map[string][]*mergedVersion{}, gone: map[string]bool{}, parse: versionParser()}
	for _, was := range before.Snapshots {
		if !slices.ContainsFunc(snapshots, func(n *snapshot) bool { return n.is(was) }) {
			m.gone[was.Snapshot] = true
		}
	}
	err = m.read(ctx, slices.DeleteFunc(slices.Clone(snapshots), func(n *snapshot) bool { return slices.ContainsFunc(before.Snapshots, n.is) }))
	if err != nil {
		return nil, err
	}
	index := &releases.Index{Format: releases.IndexFormat, URL: base, Snapshots: []releases.IndexedSnapshot{}, Files: []releases.IndexedFile{}}
	for _, n := range snapshots {
		index.Snapshots = append(index.Snapshots, n.indexed)
	}
	files, err := m.merge(index, before, texts)
	if err != nil {
		return nil, err
	}
	if files[mergedFile], err = encode(mergedSnapshots{base, names(snapshots)}); err != nil {
		return nil, err
	}
	files[releases.IndexName], err = index.Encode()
	return &metadata{string(pipeline.DigestOf(files[releases.IndexName])), index, files}, err
}

// mergeOnto is merge that makes the metadata anew of its nights where what is there is
// damaged.
func mergeOnto(ctx context.Context, there *current, snapshots []*snapshot, base string) (m *metadata, anew bool, err error) {
	if there != nil {
		if m, err = merge(ctx, there, snapshots, base); err == nil || ctx.Err() != nil {
			return m, false, err
		}
	}
	m, err = merge(ctx, nil, snapshots, base)
	return m, true, err
}

// read reads the nights that are added.
func (m *merger) read(ctx context.Context, snapshots []*snapshot) error {
	all := make([]map[string][]*mergedVersion, len(snapshots))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i, n := range snapshots {
		group.Go(func() (err error) {
			all[i], err = n.entries(ctx)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, files := range slices.Backward(all) { // oldest first: it was there before
		for file, list := range files {
			m.added[file] = append(m.added[file], list...)
		}
	}
	return nil
}

// merge fills the index and gives the files of metadata. All that does not fit is told
// together.
func (m *merger) merge(index, before *releases.Index, texts map[string][]byte) (map[string][]byte, error) {
	all := map[string]*releases.IndexedFile{}
	for i := range before.Files {
		all[before.Files[i].Name] = &before.Files[i]
	}
	for file := range m.added {
		if all[file] == nil {
			all[file] = &releases.IndexedFile{Name: file}
		}
	}
	// Composer asks for both files of a package, whichever have versions.
	names := make([]string, 0, 2*len(all))
	for name := range all {
		names = append(names, packageOf(name), packageOf(name)+"~dev")
	}
	slices.Sort(names)
	names = slices.Compact(names)
	merged, errs := make([]*mergedPackage, len(names)), make([]error, len(names))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		group.Go(func() error {
			merged[i], errs[i] = m.file(all[name], name, texts[name])
			return nil
		})
	}
	_ = group.Wait() // all errors are in errs
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	has := map[string]bool{}
	for _, f := range merged {
		has[packageOf(f.file)] = has[packageOf(f.file)] || len(f.list) > 0
	}
	files := make(map[string][]byte, len(merged)+2)
	for _, f := range merged {
		if has[packageOf(f.file)] {
			files[f.file+".json"] = f.text
			index.Files = append(index.Files, f.indexed())
		}
	}
	return files, nil
}

// A mergedPackage is one file of metadata.
type mergedPackage struct {
	file string
	list []*mergedVersion // newest first
	text []byte
	sum  pipeline.Digest
	kind string // type of the newest version
}

func (p *mergedPackage) indexed() releases.IndexedFile {
	f := releases.IndexedFile{Name: p.file, SHA256: p.sum, Type: p.kind, Versions: make([]releases.IndexedVersion, len(p.list))}
	for i, v := range p.list {
		f.Versions[i] = v.IndexedVersion
	}
	return f
}

// file makes one file of metadata of the one that there was, if any. A file in which
// nothing changes stays as it is.
func (m *merger) file(was *releases.IndexedFile, file string, text []byte) (*mergedPackage, error) {
	p := &mergedPackage{file: file}
	if text != nil && len(m.added[file]) == 0 && !slices.ContainsFunc(was.Versions, m.loses) {
		p.text, p.sum, p.kind = text, was.SHA256, was.Type
		for _, v := range was.Versions {
			p.list = append(p.list, &mergedVersion{IndexedVersion: v})
		}
		return p, nil
	}
	if text != nil {
		if err := p.decode(was.Versions, text); err != nil {
			return nil, fmt.Errorf("metadata of %s: %w", file, err)
		}
	}
	m.takeOut(p)
	var errs []error
	for _, v := range m.added[file] {
		errs = append(errs, m.add(p, v))
	}
	p.encode()
	return p, errors.Join(errs...)
}

// loses reports whether a version is in a night that is taken out.
func (m *merger) loses(v releases.IndexedVersion) bool {
	return slices.ContainsFunc(v.Snapshots, func(snapshot string) bool { return m.gone[snapshot] })
}

// takeOut takes out the nights that go, and versions that no other night has.
func (m *merger) takeOut(p *mergedPackage) {
	p.list = slices.DeleteFunc(p.list, func(v *mergedVersion) bool {
		v.Snapshots = slices.DeleteFunc(slices.Clone(v.Snapshots), func(snapshot string) bool { return m.gone[snapshot] })
		return len(v.Snapshots) == 0
	})
}

// add adds the version of a night. The same version in two nights is one, and has to
// be the same in both.
func (m *merger) add(p *mergedPackage, v *mergedVersion) error {
	version, err := m.parse(v.Version)
	if err != nil {
		return fmt.Errorf("metadata of %s: %w", p.file, err)
	}
	order := func(at *mergedVersion, _ composer.Version) int {
		other, errOther := m.parse(at.Version)
		err = cmp.Or(err, errOther)
		return newestVersion(other, version)
	}
	at, there := slices.BinarySearchFunc(p.list, version, order)
	if err != nil {
		return fmt.Errorf("metadata of %s: %w", p.file, err)
	}
	if there {
		old := p.list[at]
		if !old.fields.Equal(v.fields) || old.SHA256 != v.SHA256 {
			return fmt.Errorf("version %s of %s in night %s is not what it is in night %s; plan the night again to get the next free number", v.Version, p.file, v.Snapshots[0], old.Snapshots[0])
		}
		old.Snapshots = slices.Concat(old.Snapshots, v.Snapshots)
		slices.SortFunc(old.Snapshots, newestFirst)
		return nil
	}
	for _, beside := range p.list[max(at-1, 0):min(at+1, len(p.list))] {
		if other, _ := m.parse(beside.Version); other.Compare(version) == 0 { // it was parsed above
			return fmt.Errorf("metadata of %s: Composer cannot tell version %s of night %s from %s of night %s", p.file, beside.Version, beside.Snapshots[0], v.Version, v.Snapshots[0])
		}
	}
	p.list = slices.Insert(p.list, at, v)
	return nil
}

// newestVersion orders versions as composer.EncodeMetadata does: newest first, and of
// versions that are equal to Composer the greater text.
func newestVersion(a, b composer.Version) int {
	return cmp.Or(b.Compare(a), strings.Compare(b.String(), a.String()))
}

// minifiedHead is what the file has before its packages.
const minifiedHead = `"minified":"` + composer.MinifiedFormat + `",`

// encode writes the file: each version as it differs from the one before it.
func (p *mergedPackage) encode() {
	entries := make([][]byte, len(p.list))
	var before composer.Fields
	for i, v := range p.list {
		entries[i], before = v.fields.Minify(before), v.fields
	}
	p.text = metadataFile(minifiedHead, packageOf(p.file), entries)
	p.sum, p.kind = pipeline.DigestOf(p.text), ""
	if len(p.list) > 0 {
		p.kind = p.list[0].fields.Type()
	}
}

// decode reads what encode wrote, which has these versions.
func (p *mergedPackage) decode(versions []releases.IndexedVersion, text []byte) error {
	var form struct {
		Packages map[string][]jsontext.Value `json:"packages"`
	}
	if err := jsonv2.Unmarshal(text, &form); err != nil {
		return err
	}
	entries := form.Packages[packageOf(p.file)]
	if len(entries) != len(versions) {
		return fmt.Errorf("it has %d versions, its %s names %d", len(entries), releases.IndexName, len(versions))
	}
	var before composer.Fields
	for i, entry := range entries {
		fields, err := composer.ParseFields(entry)
		if err != nil {
			return err
		}
		before = before.Expand(fields)
		p.list = append(p.list, &mergedVersion{versions[i], before})
	}
	return nil
}

// versionParser is composer.ParseVersion that knows what it parsed: the packages of a night
// have nearly all the same version. It is safe for several goroutines.
func versionParser() func(string) (composer.Version, error) {
	var known sync.Map // text to composer.Version
	return func(text string) (composer.Version, error) {
		if version, ok := known.Load(text); ok {
			return version.(composer.Version), nil
		}
		version, err := composer.ParseVersion(text)
		if err == nil {
			known.Store(text, version)
		}
		return version, err
	}
}

func names(snapshots []*snapshot) []string {
	list := make([]string, len(snapshots))
	for i, n := range snapshots {
		list[i] = n.name
	}
	return list
}
