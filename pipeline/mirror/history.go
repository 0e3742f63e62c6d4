package mirror

import (
	"bytes"
	"context"
	"crypto/sha1" // #nosec: what Composer's dist.shasum is
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/lines"
	"github.com/mage-os/nightly/releases/resolve"
)

// maxZip bounds the zip of a base package or an edition, in bytes.
const maxZip = 64 << 20

// A recorded package is one whose composer.json lies in a line's data as it was released.
type recorded struct {
	name    composer.Name
	from    string // the first version
	pattern string // of the file; see releases.ReleasedFile
}

// recordedOf are the recorded packages of a line.
func recordedOf(line *releases.Line) (all []recorded) {
	for _, r := range line.Repositories {
		for _, p := range r.Packages {
			if p.Base != nil && p.Base.Released != "" {
				name := composer.Name(p.Base.Manifest.Name())
				if vendor, ok := line.Rename[name.Vendor()]; ok {
					name = composer.Name(vendor + "/" + name.Project())
				}
				all = append(all, recorded{name, r.From, p.Base.Released})
			}
		}
	}
	for _, e := range line.Editions {
		if r, ok := line.Repository(e.Repository); ok && e.Released != "" {
			all = append(all, recorded{composer.Name(line.Vendor + "/" + e.Name), r.From, e.Released})
		}
	}
	return all
}

// History writes into a checkout of a line's data the composer.json files of releases that it
// lacks, as they stand in the zips of a Composer repository, and gives their paths. What is
// there stays.
func History(ctx context.Context, line *releases.Line, address string, f composer.Fetcher, checkout string) ([]string, error) {
	packages := recordedOf(line)
	if line.Data == nil || len(packages) == 0 {
		return nil, config.Errorf("line %s keeps no composer.json files as they were released: it has no data, or nothing with \"released\"", line.Name)
	}
	repository, err := composer.OpenRepository(ctx, address, f)
	if err != nil {
		return nil, &releases.SourceError{Repository: "released", URL: address, Err: err}
	}
	var written []string
	var errs []error
	for _, p := range packages {
		files, err := p.record(ctx, repository, f, checkout)
		written = append(written, files...)
		if err != nil {
			errs = append(errs, &releases.SourceError{Repository: string(p.name), URL: address, Err: err})
		}
	}
	slices.Sort(written)
	return written, errors.Join(errs...)
}

// record writes the files of one package.
func (p recorded) record(ctx context.Context, repository *composer.Repository, f composer.Fetcher, checkout string) (written []string, err error) {
	versions, err := repository.Versions(ctx, p.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it was not released yet
	}
	from, _ := composer.ParseVersion(p.from) // the empty one is below all
	var errs []error
	for _, v := range versions {
		version, e := composer.ParseVersion(v.Manifest.Version())
		file := releases.ReleasedFile(p.pattern, v.Manifest.Version())
		_, there := os.Stat(filepath.Join(checkout, filepath.FromSlash(file)))
		if e != nil || v.Dist == nil || version.Stability() == composer.Dev || p.from != "" && version.Compare(from) < 0 || !errors.Is(there, fs.ErrNotExist) {
			continue
		}
		var m *composer.Manifest
		if e = pipeline.ValidPath(file); e == nil { // a version has what its publisher writes behind +
			m, e = released(ctx, repository, f, v)
		}
		if e == nil {
			e = files.Replace(filepath.Join(checkout, filepath.FromSlash(file)), m.Encode())
		}
		if e != nil {
			errs = append(errs, fmt.Errorf("version %s: %w", v.Manifest.Version(), e))
			continue
		}
		written = append(written, file)
	}
	return written, errors.Join(append(errs, err)...)
}

// released reads the composer.json in the zip of a version: repositories leave keys out of
// their metadata, and sort others.
func released(ctx context.Context, repository *composer.Repository, f composer.Fetcher, v composer.PackageVersion) (*composer.Manifest, error) {
	address, err := repository.DistURL(v.Dist)
	if err != nil {
		return nil, err
	}
	body, err := composer.FetchDist(ctx, f, address)
	if err != nil {
		return nil, err
	}
	data, err := files.ReadAll(body, address, maxZip)
	if err := errors.Join(err, body.Close()); err != nil {
		return nil, err
	}
	if sum := sha1.Sum(data); v.Dist.SHASum != "" && hex.EncodeToString(sum[:]) != v.Dist.SHASum { // #nosec
		return nil, fmt.Errorf("%s is not what its checksum says; publish it again", address)
	}
	m, _, err := composer.ZipManifest(bytes.NewReader(data), int64(len(data)))
	if err == nil && (m.Name() != v.Manifest.Name() || m.Version() != v.Manifest.Version()) {
		err = fmt.Errorf("%s holds %s %s", address, m.Name(), m.Version())
	}
	return m, err
}

// MovePins writes to the lines in a folder the newest commit of the data that they pin, and says
// what it changed.
func MovePins(ctx context.Context, lister resolve.Lister, folder string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(paths) == 0 {
		return nil, config.Errorf("%s: no lines are there; give the folder releases of a checkout", folder)
	}
	moves, err := pinned(ctx, lister)
	if err != nil {
		return nil, err
	}
	var changed []string
	for _, path := range paths {
		data, err := files.Read(path, config.MaxFile)
		if err != nil {
			return changed, err
		}
		moved := moves.Replace(string(data))
		if moved == string(data) {
			continue
		}
		if err := files.Replace(path, []byte(moved)); err != nil {
			return changed, err
		}
		changed = append(changed, path)
	}
	return changed, nil
}

// pinned replaces the commits that the carried lines pin by the newest ones.
func pinned(ctx context.Context, lister resolve.Lister) (*strings.Replacer, error) {
	var moves []string
	seen := map[releases.Data]bool{}
	for _, name := range lines.Names() {
		line, err := lines.Load(name)
		if err != nil {
			return nil, err
		}
		if line.Data == nil || seen[*line.Data] {
			continue
		}
		seen[*line.Data] = true
		refs, err := lister.List(ctx, line.Data.URL)
		if err != nil {
			return nil, &releases.SourceError{Repository: "data", URL: line.Data.URL, Err: err}
		}
		at := slices.IndexFunc(refs, func(r releases.Ref) bool { return r.Name == "refs/heads/"+line.Data.Ref })
		if at < 0 {
			return nil, &releases.SourceError{Repository: "data", URL: line.Data.URL, Err: fmt.Errorf("there is no branch %s; correct data.ref of line %s", line.Data.Ref, name)}
		}
		moves = append(moves, line.Data.Commit, refs[at].Commit)
	}
	return strings.NewReplacer(moves...), nil
}
