package publish

import (
	"cmp"
	"context"
	"crypto/sha1" //nolint:gosec // what Composer checks
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// An adopting is an adoption while the repository is read.
type adopting struct {
	source target.Source
	list   target.Target // nil: the source cannot be listed
	base   string
	report Adopted
	plan   releases.Plan

	mu       sync.Mutex
	packages []releases.ManifestPackage
	versions versions
	dists    map[string]*adoptedDist // by path
}

// An adoptedDist is a dist of the repository, and the versions that name it.
type adoptedDist struct {
	releases.ManifestDist
	said []*composer.Dist
	of   []string // acme/tool 1.1.0
	bad  string   // why it is none; empty: it is whole
}

// readAdopted reads a repository that others have published, and compares each dist with
// what the metadata says of it.
func (o Options) readAdopted(ctx context.Context, s target.Source, list target.Target, base string, a Adoption) (Adopted, *snapshot, error) {
	r := &adopting{
		source: s, list: list, base: base, plan: adoptionPlan(base, a.Title, o.Now), versions: versions{}, dists: map[string]*adoptedDist{},
		report: Adopted{Elsewhere: map[string]int{}, Dropped: map[string]int{}, Notes: []releases.Note{}, Replaced: []string{}},
	}
	r.report.Snapshot = r.plan.Snapshot()
	if err := r.readPackages(ctx); err != nil {
		return r.report, nil, err
	}
	if err := r.readDists(ctx, o, a.LeaveOut); err != nil {
		return r.report, nil, err
	}
	m, replaced, err := r.manifest(ctx)
	if err != nil {
		return r.report, nil, err
	}
	n, err := adoptedSnapshot(m, r.versions, base, replaced)
	return r.report, n, err
}

// Fetch implements composer.Fetcher: what the repository names below its base URL lies in
// the source.
func (r *adopting) Fetch(ctx context.Context, address string) (io.ReadCloser, error) {
	name, ok := stages.PathOf(address, r.base)
	if !ok {
		return nil, fmt.Errorf("%s is not below %s; give the URL under which the repository is served, with --url", address, r.base)
	}
	return r.source.Open(ctx, name)
}

func (r *adopting) readPackages(ctx context.Context) error {
	repository, err := composer.OpenRepository(ctx, r.base, r)
	if err != nil {
		return err
	}
	names, err := repository.Names()
	if err != nil && r.list != nil {
		names, err = r.listNames(ctx)
	}
	if err != nil {
		return err
	}
	err = pipeline.Each(len(names), writers, func(i int) error {
		entries, err := repository.Entries(ctx, names[i])
		if err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		known := map[string]string{} // by what Composer tells apart
		for _, e := range entries {
			if err := r.entry(names[i], e, known); err != nil {
				r.leaveOut(string(names[i])+" "+e.Text("version"), err.Error())
			}
		}
		return nil
	})
	if err == nil && len(r.packages) == 0 {
		err = fmt.Errorf("%s has no version of a package that Composer could read", r.source)
	}
	return err
}

// listNames are the packages of a repository that tells only patterns of their names: satis
// has a file of each below p2.
func (r *adopting) listNames(ctx context.Context) ([]composer.Name, error) {
	files, err := target.Files(ctx, r.list, stages.MetadataDir)
	var names []composer.Name
	for _, file := range files {
		if name := packageOf(stages.MetadataName(file)); name != "" {
			names = append(names, composer.Name(name))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// leaveOut notes a version that the repository will not resolve.
func (r *adopting) leaveOut(version, why string) {
	r.report.Notes = append(r.report.Notes, releases.Note{Packages: []string{version}, What: why + "; its files stay where they are", LeftOut: true})
}

// entry takes a version. Its error says why it is left out.
func (r *adopting) entry(name composer.Name, e composer.Fields, known map[string]string) error {
	kept := e.Adopt()
	if err := kept.Publishable(true); err != nil {
		return err
	}
	if !strings.EqualFold(kept.Text("name"), string(name)) {
		return fmt.Errorf("it has the name %q", kept.Text("name"))
	}
	version, _ := composer.ParseVersion(kept.Text("version")) // it is one
	if other, twice := known[version.Key()]; twice {
		return fmt.Errorf("to Composer it is %s, which comes before it", other)
	}
	dist, err := kept.Dist()
	if err != nil {
		return err
	}
	if dist != nil {
		if at, ok := stages.PathOf(dist.URL, r.base); ok && isOurs(at) {
			return fmt.Errorf("its dist is %s, which publishing writes", at)
		}
	}
	known[version.Key()] = version.String()
	for _, f := range e {
		if !slices.ContainsFunc(kept, func(k composer.Field) bool { return k.Key == f.Key }) {
			r.report.Dropped[f.Key]++
		}
	}
	file := string(name)
	if version.Stability() == composer.Dev {
		file += "~dev"
	}
	if r.versions[file] == nil {
		r.versions[file] = map[string]jsontext.Value{}
	}
	r.versions[file][version.String()] = kept.JSON()
	r.packages = append(r.packages, releases.ManifestPackage{
		Name: string(name), Version: version.String(), Type: kept.Type(), Repository: stages.Adopted, Directory: ".",
		Requires: []releases.Requirement{}, Dist: r.dist(string(name)+" "+version.String(), dist),
	})
	return nil
}

// dist is the place of a version's dist in the repository; nil if it has none there.
func (r *adopting) dist(version string, d *composer.Dist) *releases.ManifestDist {
	if d == nil {
		r.report.Elsewhere[""]++
		return nil
	}
	at, ok := stages.PathOf(d.URL, r.base)
	if !ok || pipeline.ValidPath(at) != nil {
		host := d.URL
		if u, err := url.Parse(d.URL); err == nil {
			host = u.Scheme + "://" + u.Host
		}
		r.report.Elsewhere[host]++
		return nil
	}
	if r.dists[at] == nil {
		r.dists[at] = &adoptedDist{ManifestDist: releases.ManifestDist{Path: at}}
	}
	r.dists[at].said, r.dists[at].of = append(r.dists[at].said, d), append(r.dists[at].of, version)
	return &r.dists[at].ManifestDist
}

// readDists reads every dist. One that is missing, or is not what the metadata says, is an
// error, or its versions are left out.
func (r *adopting) readDists(ctx context.Context, o Options, leaveOut bool) error {
	if len(r.dists) == 0 && len(r.report.Elsewhere) > 0 {
		return fmt.Errorf("no dist lies below %s: they are at %q; give the URL under which the repository is served, with --url", r.base, slices.Sorted(maps.Keys(r.report.Elsewhere)))
	}
	paths := slices.Sorted(maps.Keys(r.dists))
	err := pipeline.Each(len(paths), writers, func(i int) error {
		o.Progress(pipeline.Step{Stage: Name, Item: paths[i], Done: int64(i), Total: int64(len(paths)), Unit: "dists"})
		return r.readDist(ctx, r.dists[paths[i]])
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, at := range paths {
		d := r.dists[at]
		if d.bad == "" {
			continue
		}
		errs = append(errs, fmt.Errorf("%s of %s %s", at, strings.Join(d.of, ", "), d.bad))
		for _, version := range d.of {
			r.leaveOut(version, "its dist "+d.bad)
			r.takeOut(version)
		}
	}
	if leaveOut || len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("%w\nput them back, or leave those versions out with --leave-out-damaged; nothing was changed", errors.Join(errs...))
}

// takeOut takes a version out again.
func (r *adopting) takeOut(version string) {
	r.packages = slices.DeleteFunc(r.packages, func(p releases.ManifestPackage) bool { return p.Name+" "+p.Version == version })
	name, version, _ := strings.Cut(version, " ")
	for _, file := range []string{name, name + "~dev"} {
		if delete(r.versions[file], version); len(r.versions[file]) == 0 {
			delete(r.versions, file)
		}
	}
}

// sums are the size and the digests of a file of the repository, which may be large.
func (r *adopting) sums(ctx context.Context, name string) (size int64, one string, two pipeline.Digest, err error) {
	file, err := r.source.Open(ctx, name)
	if err != nil {
		return 0, "", "", fmt.Errorf("read %s of %s: %w", name, r.source, err)
	}
	sha1, sha2 := sha1.New(), sha256.New() //nolint:gosec // what Composer checks
	size, err = io.Copy(io.MultiWriter(sha1, sha2), file)
	if err = errors.Join(err, file.Close()); err != nil {
		err = fmt.Errorf("read %s of %s: %w", name, r.source, err)
	}
	return size, hex.EncodeToString(sha1.Sum(nil)), pipeline.Digest(hex.EncodeToString(sha2.Sum(nil))), err
}

func (r *adopting) readDist(ctx context.Context, d *adoptedDist) (err error) {
	d.Size, d.SHA1, d.SHA256, err = r.sums(ctx, d.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.bad = "is missing"
		return nil
	case err != nil:
		return err
	}
	for _, said := range d.said {
		if said.SHASum != "" && !strings.EqualFold(said.SHASum, d.SHA1) {
			d.bad = fmt.Sprintf("has SHA-1 %s, the metadata says %s", d.SHA1, said.SHASum)
		}
	}
	return nil
}

// manifest says what was read, and gives the files that publishing replaces.
func (r *adopting) manifest(ctx context.Context) (*releases.Manifest, map[string][]byte, error) {
	parse := versionParser()
	slices.SortFunc(r.packages, func(a, b releases.ManifestPackage) int {
		x, _ := parse(a.Version) // it was read before
		y, _ := parse(b.Version)
		return cmp.Or(strings.Compare(a.Name, b.Name), newestVersion(x, y))
	})
	for i, p := range r.packages {
		for _, file := range []string{p.Name, p.Name + "~dev"} { // Composer asks for both
			if r.versions[file] == nil {
				r.versions[file] = map[string]jsontext.Value{}
			}
		}
		r.report.Versions++
		if i == 0 || r.packages[i-1].Name != p.Name {
			r.report.Packages++
		}
	}
	for _, d := range r.dists {
		if d.bad != "" {
			continue
		}
		r.report.Dists++
		r.report.Bytes += d.Size
		if slices.ContainsFunc(d.said, func(s *composer.Dist) bool { return s.SHASum == "" }) {
			r.report.Unchecked++
		}
	}
	r.report.Notes = releases.GroupNotes(r.report.Notes)
	m := &releases.Manifest{
		Format: releases.ManifestFormat, Program: releases.Program, Stages: map[string]int{Name: Version}, Packages: r.packages,
		Files: []releases.ManifestFile{}, Notes: r.report.Notes, Plan: r.plan,
	}
	replaced := map[string][]byte{}
	for _, name := range []string{stages.PackagesFile, pageFile} {
		data, err := target.ReadIfThere(ctx, r.source, name)
		if err != nil {
			return nil, nil, err
		}
		if data != nil {
			replaced[name] = data
			r.report.Replaced = append(r.report.Replaced, name)
		}
	}
	return m, replaced, r.keep(ctx, m)
}

// keep notes all other files: they stay where they lie. In a folder that publishing sweeps
// none may be.
func (r *adopting) keep(ctx context.Context, m *releases.Manifest) error {
	if r.list == nil {
		return nil
	}
	names, err := target.Files(ctx, r.list, ".")
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return r.dists[name] != nil && r.dists[name].bad == "" || isOurs(name)
	})
	m.Kept = make([]releases.ManifestFile, len(names))
	err = pipeline.Each(len(names), writers, func(i int) error {
		if strings.HasPrefix(names[i], stages.DistsDir+"/") {
			return fmt.Errorf("%s: no version has it, and publishing removes what it does not know there; move it away", names[i])
		}
		size, _, sum, err := r.sums(ctx, names[i])
		m.Kept[i] = releases.ManifestFile{Path: path.Clean(names[i]), Size: size, SHA256: sum}
		return err
	})
	r.report.Kept = len(names)
	return err
}

func fileOf(name string, data []byte) releases.ManifestFile {
	return releases.ManifestFile{Path: path.Clean(name), Size: int64(len(data)), SHA256: pipeline.DigestOf(data)}
}

func byPath(a, b releases.ManifestFile) int { return strings.Compare(a.Path, b.Path) }
