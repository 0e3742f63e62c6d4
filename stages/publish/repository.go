package publish

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// A repository is what the target shall be. It is a pure function of the kept
// nights and the base URL, apart from what stays for a grace period.
type repository struct {
	base     string
	nights   []*night          // that it resolves, newest first
	all      []*night          // with those that only superseded metadata names
	known    []*night          // with those that nothing names any more
	meta     string            // name of the metadata folder
	metadata map[string][]byte // its files
	packages []byte            // packages.json, the switch
	page     []byte
	status   []byte
}

// A switchFile is a packages.json: of the repository, or of one night.
type switchFile struct {
	Packages    []any    `json:"packages"`
	MetadataURL string   `json:"metadata-url"`
	Available   []string `json:"available-packages"`
	// Nightly is for this program; Composer ignores keys that it does not know.
	Nightly nightlyKey `json:"x-nightly"`
}

// A nightlyKey is what publishing and serving want to know of a repository.
type nightlyKey struct {
	Format int      `json:"format"` // switchFormat
	URL    string   `json:"url"`    // base URL of all others
	Nights []string `json:"nights"` // that it resolves, newest first
}

const switchFormat = 1

// readSwitch reads the packages.json of a folder.
func readSwitch(dir string) (switchFile, error) {
	var s switchFile
	data, err := os.ReadFile(filepath.Join(dir, stages.PackagesFile))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("%s: %w", stages.PackagesFile, err)
	}
	return s, nil
}

// A state is what a target has before a run.
type state struct {
	nights []string // that packages.json resolves, newest first
	all    []*night // in the folder, newest first
	merged []merged // metadata folders
}

// A merged is a metadata folder and the nights that it was made of.
type merged struct {
	digest string
	nights []string // newest first
}

// readTarget reads what the target has. All that cannot be read is told at once.
func readTarget(ctx context.Context, dir, base string) (state, error) {
	s, err := readSwitch(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return state{}, fmt.Errorf("repository %s: %w; publish to an empty folder", dir, err)
	}
	if s.Nightly.Format > switchFormat {
		return state{}, fmt.Errorf("repository %s was published by a newer version of this program (format %d, known is %d); update this one", dir, s.Nightly.Format, switchFormat)
	}
	if s.Nightly.Format != 0 && s.Nightly.URL != base {
		return state{}, fmt.Errorf("repository %s was published for %s, not for %s; publish with that URL, or to an empty folder", dir, s.Nightly.URL, base)
	}
	found := state{nights: s.Nightly.Nights}
	names, err := listNights(dir)
	errs := []error{err}
	for _, name := range names {
		n, err := fromDisk(dir, name, base)
		found.all = append(found.all, n)
		errs = append(errs, err, ctx.Err())
	}
	found.merged, err = readMerged(dir)
	return found, errors.Join(append(errs, err)...)
}

// readMerged lists the metadata folders. One that does not say of which nights
// it was made is listed without, and so is not kept.
func readMerged(dir string) ([]merged, error) {
	entries, err := os.ReadDir(filepath.Join(dir, metaDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []merged
	for _, e := range entries {
		var file mergedNights
		data, err := os.ReadFile(filepath.Join(dir, metaDir, e.Name(), mergedFile))
		if err == nil {
			err = json.Unmarshal(data, &file)
		}
		if err != nil {
			file.Nights = nil // it was taken apart by others: swept, or repaired if it is the current one
		}
		all = append(all, merged{e.Name(), file.Nights})
	}
	return all, nil
}

// plan says what the target shall be once the night is added.
func plan(ctx context.Context, before state, add *night, base string, keep int) (*repository, error) {
	all, err := join(before.all, add)
	if err != nil {
		return nil, err
	}
	kept := all[:min(keep, len(all))]
	if !slices.Contains(kept, add) {
		return nil, fmt.Errorf("night %s is older than the %d nights that the repository keeps; keep more nights, or publish it to another folder", add.name, keep)
	}
	r := &repository{base: base, nights: kept, known: all}
	if err := r.merge(ctx); err != nil {
		return nil, err
	}
	r.all = all[:len(kept):len(kept)]
	graced := before.graced(all)
	for _, n := range all[len(kept):] {
		if graced[n.name] {
			r.all = append(r.all, n)
		}
	}
	return r, r.write()
}

// join adds a night to those that are there. A name stands for one content for
// ever: composer.lock files name versions and checksums.
func join(there []*night, add *night) ([]*night, error) {
	var errs []error
	all := []*night{add}
	mine := add.distSums()
	for _, n := range there {
		if n.name == add.name {
			if n.sum != add.sum {
				errs = append(errs, fmt.Errorf("night %s is published already with other content: its %s has SHA-256 %s, the one here %s; plan the night again to get the next free number", n.name, releases.ManifestName, n.sum, add.sum))
			}
			continue
		}
		all = append(all, n)
		for _, p := range n.manifest.Packages {
			if p.Dist == nil {
				continue
			}
			if sum, ok := mine[p.Dist.Path]; ok && sum != p.Dist.SHA256 {
				errs = append(errs, fmt.Errorf("%s has SHA-256 %s in night %s and %s in night %s; a version cannot have two contents, plan the night again to get the next free number", p.Dist.Path, p.Dist.SHA256, n.name, sum, add.name))
			}
		}
	}
	slices.SortFunc(all, func(a, b *night) int { return newestFirst(a.name, b.name) })
	return all, errors.Join(errs...)
}

func (r *repository) names() []string {
	names := make([]string, len(r.nights))
	for i, n := range r.nights {
		names[i] = n.name
	}
	return names
}

// write makes the files at the root of the repository.
func (r *repository) write() error {
	available := []string{}
	for name := range r.metadata {
		if pkg, ok := strings.CutSuffix(name, ".json"); ok && name != mergedFile && !strings.HasSuffix(pkg, "~dev") {
			available = append(available, pkg)
		}
	}
	slices.Sort(available)
	var err, errStatus, errPage error
	r.packages, err = encode(switchFile{
		Packages:    []any{},
		MetadataURL: r.base + metaDir + "/" + r.meta + "/%package%.json",
		Available:   available,
		Nightly:     nightlyKey{switchFormat, r.base, r.names()},
	})
	r.status, errStatus = encode(status{
		Format: statusFormat, URL: r.base, Night: r.nights[0].name, Nights: r.names(), Metadata: r.meta, Packages: len(available),
	})
	r.page, errPage = renderPage(newPage(r))
	return cmp.Or(err, errStatus, errPage)
}

// A status is the file for monitors. It says nothing of time: when a night was
// published, the web server tells with the file.
type status struct {
	Format   int      `json:"format"` // statusFormat
	URL      string   `json:"url"`
	Night    string   `json:"night"` // the newest
	Nights   []string `json:"nights"`
	Metadata string   `json:"metadata"` // folder that packages.json names
	Packages int      `json:"packages"` // that the repository resolves
}

const statusFormat = 1

// encode writes JSON for people and machines, with slashes as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	err := enc.Encode(v)
	return b.Bytes(), err
}
