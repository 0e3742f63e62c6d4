package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

// A metadata is the merged metadata of snapshots: every version of a package that one of
// them has. The SHA-256 of its index names its folder, so that what is behind an address
// never changes.
type metadata struct {
	name  string // of the folder
	index *releases.Index
	files map[string][]byte // of the folder
}

// A mergedVersion is one version in a file of metadata, with all its fields; of one that was
// withdrawn they may be missing.
type mergedVersion struct {
	releases.IndexedVersion
	fields composer.Fields
}

// A merger adds snapshots to metadata and takes others out.
type merger struct {
	added map[string][]*mergedVersion // by file: versions of the added snapshots
	gone  map[releases.SnapshotName]bool
	out   []string // versions that were withdrawn
	said  saying
	parse func(string) (composer.Version, error)
}

// merge makes the metadata of snapshots. What current has of them is taken from there, and
// only the others are read; current may be nil, and does not change the result. Versions
// that were withdrawn stay in the index, since their dists stay, and in no file. What files
// say beside their versions, said tells by what they said before; nil: nothing is said.
func merge(ctx context.Context, current *indexed, snapshots []*snapshot, base string, withdrawn []string, said saying) (*metadata, error) {
	before, texts, err := current.files(ctx)
	if err != nil {
		return nil, err
	}
	m := merger{added: map[string][]*mergedVersion{}, gone: map[releases.SnapshotName]bool{}, out: withdrawn, said: said, parse: versionParser()}
	for _, was := range before.Snapshots {
		m.gone[was.Snapshot] = !slices.ContainsFunc(snapshots, func(n *snapshot) bool { return n.is(was) })
	}
	if err := m.read(ctx, slices.DeleteFunc(slices.Clone(snapshots), current.has)); err != nil {
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
	files[releases.IndexName], err = index.Encode()
	return &metadata{string(pipeline.DigestOf(files[releases.IndexName])), index, files}, err
}

// mergeOnto is merge that makes the metadata anew of its snapshots where the current one
// is damaged.
func mergeOnto(ctx context.Context, current *indexed, snapshots []*snapshot, base string, withdrawn []string, said saying) (m *metadata, anew bool, err error) {
	if current != nil {
		if m, err = merge(ctx, current, snapshots, base, withdrawn, said); err == nil || ctx.Err() != nil {
			return m, false, err
		}
	}
	m, err = merge(ctx, nil, snapshots, base, withdrawn, said)
	return m, true, err
}

// read reads the snapshots that are added.
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

// merge fills the index and returns the files of metadata. Its error has all that does not
// fit together.
func (m *merger) merge(index, before *releases.Index, texts map[string][]byte) (map[string][]byte, error) {
	packages := map[string]bool{}
	for _, f := range before.Files {
		packages[packageOf(f.Name)] = true
	}
	for file := range m.added {
		packages[packageOf(file)] = true
	}
	files, names := map[string][]byte{}, slices.Collect(maps.Keys(packages))
	var mu sync.Mutex
	err := pipeline.Each(len(names), runtime.GOMAXPROCS(0), func(i int) error {
		stable, text, err := m.file(before, names[i], texts)
		dev, textDev, errDev := m.file(before, names[i]+"~dev", texts)
		mu.Lock()
		defer mu.Unlock()
		if len(stable.Versions)+len(dev.Versions) > 0 { // Composer asks for both files
			index.Files = append(index.Files, stable, dev)
			files[stable.Name+".json"], files[dev.Name+".json"] = text, textDev
		}
		return errors.Join(err, errDev)
	})
	slices.SortFunc(index.Files, func(a, b releases.IndexedFile) int { return cmp.Compare(a.Name, b.Name) })
	return files, err
}

// file makes one file of metadata. One in which nothing changes stays as it is.
func (m *merger) file(before *releases.Index, name string, texts map[string][]byte) (releases.IndexedFile, []byte, error) {
	fail := func(err error) (releases.IndexedFile, []byte, error) {
		return releases.IndexedFile{}, nil, fmt.Errorf("metadata of %s: %w", name, err)
	}
	withdraw := func(v releases.IndexedVersion) bool {
		return !v.Withdrawn && slices.Contains(m.out, packageOf(name)+" "+v.Version)
	}
	var list []*mergedVersion
	var said composer.Said
	if text := texts[name]; text != nil {
		was := before.File(name)
		said = m.says(name, was.Said)
		if len(m.added[name]) == 0 && reflect.DeepEqual(said, was.Said) && !slices.ContainsFunc(was.Versions, m.loses) && !slices.ContainsFunc(was.Versions, withdraw) {
			return *was, text, nil
		}
		var err error
		if list, err = decode(was, text); err != nil {
			return fail(err)
		}
	}
	list = m.takeOut(list)
	var errs []error
	for _, v := range m.added[name] {
		var err error
		list, err = m.insert(list, v)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fail(err)
	}
	if texts[name] == nil {
		said = m.says(name, said)
	}
	file := releases.IndexedFile{Name: name, Versions: make([]releases.IndexedVersion, len(list)), Said: said}
	var entries [][]byte
	var last composer.Fields
	for i, v := range list {
		v.Withdrawn = v.Withdrawn || withdraw(v.IndexedVersion)
		if file.Versions[i] = v.IndexedVersion; v.Withdrawn {
			continue
		}
		if len(entries) == 0 {
			file.Type = v.fields.Type()
		}
		entries, last = append(entries, v.fields.Minify(last)), v.fields
	}
	head, err := headOf(said)
	if err != nil {
		return fail(err)
	}
	text := metadataFile(head, packageOf(name), entries)
	file.SHA256 = pipeline.DigestOf(text)
	return file, text, nil
}

// minifiedHead is the beginning of a file of merged metadata, before its packages.
const minifiedHead = `"minified":"` + composer.MinifiedFormat + `",`

// decode reads a file of merged metadata, which has the versions of the index.
func decode(was *releases.IndexedFile, text []byte) ([]*mergedVersion, error) {
	entries, err := metadataEntries(was.Name, text)
	if err != nil {
		return nil, err
	}
	resolved := slices.DeleteFunc(slices.Clone(was.Versions), func(v releases.IndexedVersion) bool { return v.Withdrawn })
	if len(entries) != len(resolved) {
		return nil, fmt.Errorf("it has %d versions, its %s names %d", len(entries), releases.IndexName, len(resolved))
	}
	list := make([]*mergedVersion, len(was.Versions))
	var last composer.Fields
	for i, v := range was.Versions {
		if list[i] = (&mergedVersion{IndexedVersion: v}); v.Withdrawn {
			continue
		}
		fields, err := composer.ParseFields(entries[0])
		if err != nil {
			return nil, err
		}
		last, entries = last.Expand(fields), entries[1:]
		list[i].fields = last
	}
	return list, nil
}

// loses reports whether a version is in a snapshot that is taken out.
func (m *merger) loses(v releases.IndexedVersion) bool {
	return slices.ContainsFunc(v.Snapshots, func(name releases.SnapshotName) bool { return m.gone[name] })
}

// takeOut takes out the snapshots that go, and versions that no other snapshot has.
func (m *merger) takeOut(list []*mergedVersion) []*mergedVersion {
	return slices.DeleteFunc(list, func(v *mergedVersion) bool {
		v.Snapshots = slices.DeleteFunc(slices.Clone(v.Snapshots), func(name releases.SnapshotName) bool { return m.gone[name] })
		return len(v.Snapshots) == 0
	})
}

// insert adds the version of a snapshot. The same version in two snapshots is one, and has
// to be the same in both.
func (m *merger) insert(list []*mergedVersion, v *mergedVersion) ([]*mergedVersion, error) {
	version, err := m.parse(v.Version)
	if err != nil {
		return list, err
	}
	at, there := slices.BinarySearchFunc(list, version, func(other *mergedVersion, version composer.Version) int {
		parsed, errOther := m.parse(other.Version)
		err = cmp.Or(err, errOther)
		return newestVersion(parsed, version)
	})
	if err != nil {
		return list, err
	}
	if there {
		old := list[at]
		if !old.Withdrawn && !old.fields.Equal(v.fields) || old.SHA256 != v.SHA256 {
			return list, fmt.Errorf("version %s of %s is not what it is in %s, and a version cannot have two contents; plan it again to get the next free number", v.Version, v.Snapshots[0].Title(), old.Snapshots[0].Title())
		}
		old.Snapshots = slices.SortedFunc(slices.Values(slices.Concat(old.Snapshots, v.Snapshots)), releases.NewestFirst)
		return list, nil
	}
	for _, beside := range list[max(at-1, 0):min(at+1, len(list))] {
		if other, _ := m.parse(beside.Version); other.Compare(version) == 0 { // it was parsed above
			return list, fmt.Errorf("to Composer version %s of %s is %s of %s; make its plan anew, which leaves out what is there", beside.Version, beside.Snapshots[0].Title(), v.Version, v.Snapshots[0].Title())
		}
	}
	return slices.Insert(list, at, v), nil
}

// newestVersion orders versions as composer.EncodeMetadata does: newest first, and of
// versions that are equal to Composer the greater text.
func newestVersion(a, b composer.Version) int {
	return cmp.Or(b.Compare(a), strings.Compare(b.String(), a.String()))
}

// versionParser is composer.ParseVersion that remembers what it parsed: the packages of a
// night have nearly all the same version. It is safe for several goroutines.
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
