package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
)

// merged verifies the metadata that Composer reads: it is named by its content, and is
// made of the nights that packages.json names, whole.
func (c *check) merged(ctx context.Context) {
	dir := metaDir + "/" + c.meta
	files := map[string][]byte{}
	wanted := []string{mergedFile}
	for _, name := range c.names {
		wanted = append(wanted, name+".json", name+"~dev.json")
	}
	data := make([][]byte, len(wanted))
	group := errgroup.Group{}
	group.SetLimit(readers)
	for i, name := range wanted {
		group.Go(func() error {
			data[i], _ = c.read(ctx, dir+"/"+name, maxMetadata)
			return nil
		})
	}
	_ = group.Wait() // problems are noted
	for i, name := range wanted {
		if data[i] != nil {
			files[name] = data[i]
		}
	}
	url := c.mergedNights(dir, files[mergedFile])
	if len(files) == len(wanted) && contentName(rebased(files, c.base, url)) != c.meta {
		c.bad(dir, "does not have the content that it is named by, but %s", contentName(files))
	}
	c.mergedEntries(dir, files)
}

// rebased are the files of a mirror that puts its own URL into them, as they were when
// they were named.
func rebased(files map[string][]byte, from, to string) map[string][]byte {
	if to == "" || to == from {
		return files
	}
	all := map[string][]byte{}
	for name, data := range files {
		all[name] = data
		if back, err := stages.Rebase(data, from, to); err == nil && name != mergedFile {
			all[name] = back
		}
	}
	return all
}

// mergedNights gives the URL for which the metadata was merged.
func (c *check) mergedNights(dir string, data []byte) string {
	if data == nil {
		return ""
	}
	var m struct {
		URL    string   `json:"url"`
		Nights []string `json:"nights"`
	}
	if err := json.Unmarshal(data, &m); err != nil || m.URL != c.base && !c.mirrors(m.URL) || !slices.Equal(m.Nights, c.key.Nights) {
		c.bad(dir+"/"+mergedFile, "was made of the nights %.160q at %.120q, packages.json names %.160q at %s", m.Nights, m.URL, c.key.Nights, c.base)
	}
	return m.URL
}

// mirrors reports whether this may be a mirror of what is published at that URL.
func (c *check) mirrors(url string) bool {
	return c.o.URL == c.base && (c.signed == nil || c.signed.URL == url)
}

// mergedEntries compares every version with that of the nights, in both directions.
func (c *check) mergedEntries(dir string, files map[string][]byte) {
	want := map[string]map[string]json.RawMessage{}
	for _, name := range c.key.Nights {
		n := c.nights[name]
		if n == nil || !n.whole {
			return // what is wrong with it was said, and would be said again of each version
		}
		for file, entries := range n.entries {
			if want[file] == nil {
				want[file] = map[string]json.RawMessage{}
			}
			maps.Copy(want[file], entries)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if file, ok := strings.CutSuffix(name, ".json"); ok && name != mergedFile {
			c.mergedFile(dir+"/"+name, file, files[name], want[file])
		}
	}
	for file := range want {
		if _, ok := slices.BinarySearch(c.names, strings.TrimSuffix(file, "~dev")); !ok {
			c.bad(stages.PackagesFile, "does not name the package %s, which a night has", strings.TrimSuffix(file, "~dev"))
		}
	}
}

func (c *check) mergedFile(at, file string, data []byte, want map[string]json.RawMessage) {
	var form struct {
		Packages map[string][]json.RawMessage `json:"packages"`
	}
	if err := json.Unmarshal(data, &form); err != nil {
		c.bad(at, "is no metadata: %v", err)
		return
	}
	found := map[string]bool{}
	for name, list := range form.Packages {
		if name != strings.TrimSuffix(file, "~dev") {
			c.bad(at, "holds the package %.120q", name)
		}
		for _, entry := range list {
			var v struct {
				Version string `json:"version"`
			}
			_ = json.Unmarshal(entry, &v) // then it has no version of a night
			if !bytes.Equal(want[v.Version], entry) {
				c.bad(at, "version %.80q is not what a night that is named says", v.Version)
			}
			found[v.Version] = true
		}
	}
	for version := range want {
		if !found[version] {
			c.bad(at, "version %s of a night that is named is missing", version)
		}
	}
}

// contentName is the name of a metadata folder: SHA-256 over paths, sizes and contents.
func contentName(files map[string][]byte) string {
	hash := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		_, _ = io.WriteString(hash, name+"\x00"+strconv.Itoa(len(files[name]))+"\x00") // a hash takes everything
		_, _ = hash.Write(files[name])
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// status compares the file for monitors with packages.json.
func (c *check) status(ctx context.Context) {
	var s struct {
		URL      string   `json:"url"`
		Night    string   `json:"night"`
		Nights   []string `json:"nights"`
		Metadata string   `json:"metadata"`
	}
	if _, ok := c.readJSON(ctx, statusFile, maxSwitch, &s); !ok {
		return
	}
	if s.URL != c.base || s.Night != c.key.Nights[0] || !slices.Equal(s.Nights, c.key.Nights) || s.Metadata != c.meta {
		c.bad(statusFile, "is of night %.40q and metadata %.80q, packages.json of %s and %s: one of them is older", s.Night, s.Metadata, c.key.Nights[0], c.meta)
	}
}

// list reads which files there are.
func (c *check) list(ctx context.Context) {
	if c.o.List == nil || c.listed != nil {
		return
	}
	names, err := c.o.List(ctx)
	if err != nil {
		c.bad(".", "cannot be listed: %v", err)
		names = []string{}
	}
	c.listed = names
}

// nothingElse finds files that nothing names. Metadata that was superseded stays for a
// while, and has to be what it is named by, too.
func (c *check) nothingElse(ctx context.Context) error {
	c.list(ctx)
	c.belongs(pageFile, badgeFile, statusFile, ".superseded.json", ".publish.lock")
	old := map[string][]string{}
	for _, name := range c.listed {
		top, rest, _ := strings.Cut(name, "/")
		switch {
		case c.known[name], top == ".publish", top == ".publish.locks":
		case top == metaDir && c.base != "":
			folder, _, _ := strings.Cut(rest, "/")
			old[folder] = append(old[folder], name)
		case c.broken(name):
		default:
			c.bad(name, "is no part of the repository: nothing names it")
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(old)) {
		if folder == c.meta || len(folder) != sha256.Size*2 {
			for _, name := range old[folder] {
				c.bad(name, "is no part of the repository: nothing names it")
			}
			continue
		}
		c.superseded(ctx, folder, old[folder])
	}
	return ctx.Err()
}

// broken reports whether a file is of a night of which a problem was told already, so
// that nobody knows what belongs to it.
func (c *check) broken(name string) bool {
	if c.base == "" {
		return true
	}
	rest, ok := strings.CutPrefix(name, nightsDir+"/")
	night, file, _ := strings.Cut(rest, "/")
	if isDist(name) {
		return c.anyBroken()
	}
	if !ok || c.nights[night] != nil || !releases.IsNight(night) {
		return false
	}
	known := append([]string{stages.PackagesFile, releases.ManifestName, versionsFile, changesFile, pageFile}, attest.NightFiles()...)
	return c.isNamed(night) && (slices.Contains(known, file) || strings.HasPrefix(file, stages.MetadataDir+"/"))
}

func (c *check) isNamed(night string) bool {
	return slices.Contains(c.key.Nights, night) || slices.Contains(c.key.Withdrawn, night) || slices.Contains(c.listed, nightFile(night, stages.PackagesFile))
}

// anyBroken reports whether a night could not be read, so that its dists are not known.
func (c *check) anyBroken() bool {
	for _, name := range slices.Concat(c.key.Nights, c.key.Withdrawn) {
		if c.nights[name] == nil {
			return true
		}
	}
	return false
}

// superseded verifies a metadata folder that clients who started earlier still read.
func (c *check) superseded(ctx context.Context, folder string, names []string) {
	files := map[string][]byte{}
	for _, name := range names {
		data, ok := c.read(ctx, name, maxMetadata)
		if !ok {
			return
		}
		files[strings.TrimPrefix(name, metaDir+"/"+folder+"/")] = data
	}
	if contentName(files) != folder {
		c.bad(path.Join(metaDir, folder), "does not have the content that it is named by, but %s", contentName(files))
	}
}
