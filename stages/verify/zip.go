package verify

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // what Composer checks
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/klauspost/compress/zip"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/diff"
)

// maxComposer bounds a composer.json in a zip, in bytes.
const maxComposer = 4 << 20

// dists verifies every zip that some snapshot names, once.
func (c *check) dists(ctx context.Context) {
	all := c.distSums()
	if !c.o.Dists || c.elsewhere {
		for path := range all {
			c.belongs(path, c.key.Former+strings.TrimPrefix(path, stages.DistsDir))
		}
		return
	}
	paths := slices.Sorted(maps.Keys(all))
	// As many are in memory as are unpacked.
	_ = pipeline.Each(len(paths), runtime.GOMAXPROCS(0), func(i int) error {
		c.dist(ctx, paths[i], all[paths[i]])
		return nil // problems are noted
	})
}

func (c *check) dist(ctx context.Context, path string, packages []*releases.ManifestPackage) {
	want := packages[0].Dist
	c.belongs(path)
	c.signedDist(packages[0])
	c.former(ctx, path, want)
	for _, p := range packages[1:] {
		if p.Dist.SHA256 != want.SHA256 {
			c.bad(path, "has SHA-256 %s in one snapshot's %s and %s in another's", want.SHA256, releases.ManifestName, p.Dist.SHA256)
		}
	}
	data, ok := c.read(ctx, path, min(want.Size, maxDist))
	if !ok {
		return
	}
	sum := sha1.Sum(data) //nolint:gosec // what Composer checks
	switch {
	case int64(len(data)) != want.Size:
		c.bad(path, "has %d bytes, %s says %d", len(data), releases.ManifestName, want.Size)
	case pipeline.DigestOf(data) != want.SHA256:
		c.bad(path, "has SHA-256 %s, %s says %s", pipeline.DigestOf(data), releases.ManifestName, want.SHA256)
	case hex.EncodeToString(sum[:]) != want.SHA1:
		c.bad(path, "has SHA-1 %x, %s says %s", sum, releases.ManifestName, want.SHA1)
	}
	if packages[0].Repository == stages.Adopted {
		return // its bytes are what they were
	}
	if err := c.checkZip(data, packages[0]); err != nil {
		for problem := range strings.Lines(err.Error()) {
			c.bad(path, "%s", problem)
		}
	}
}

// former verifies a dist under the name that the former generator gave it, if it is there.
func (c *check) former(ctx context.Context, path string, want *releases.ManifestDist) {
	name := c.key.Former + strings.TrimPrefix(path, stages.DistsDir)
	if c.key.Former == "" || !isDist(path) || !slices.Contains(c.listed, name) || c.wasAdopted(name) {
		return
	}
	if data, ok := c.read(ctx, name, min(want.Size, maxDist)); ok && pipeline.DigestOf(data) != want.SHA256 {
		c.bad(name, "has SHA-256 %s, %s has %s", pipeline.DigestOf(data), path, want.SHA256)
	}
}

// checkZip refuses a zip that could do harm where it is unpacked, or that is not the
// package: with all that is wrong with its entries, or with their contents.
func (c *check) checkZip(data []byte, p *releases.ManifestPackage) error {
	r, err := diff.OpenZip(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	names := map[string]bool{}
	var paths []string
	var errs []error
	for _, f := range r.File {
		paths = append(paths, f.Name)
		errs = append(errs, checkHeader(f, names))
	}
	if !names["composer.json"] {
		errs = append(errs, errors.New("has no composer.json"))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, f := range r.File {
		// Most files of a package are those of its other versions: they are unpacked once.
		key := packedAs(data, f)
		if _, whole := c.unpacked.Load(key); whole && f.Name != "composer.json" {
			continue
		}
		err := checkContent(f, p, paths)
		if err == nil && key != "" {
			c.unpacked.Store(key, true)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// packedAs is the SHA-256 of an entry as it is packed, with its checksum and size; empty for one
// that lies outside of the zip.
func packedAs(data []byte, f *zip.File) string {
	at, err := f.DataOffset()
	end := at + int64(f.CompressedSize64) //nolint:gosec // bounded by the next line
	if err != nil || end < at || end > int64(len(data)) {
		return ""
	}
	packed := sha256.New()
	fmt.Fprintf(packed, "%d %d %d\n", f.Method, f.CRC32, f.UncompressedSize64)
	packed.Write(data[at:end])
	return string(packed.Sum(nil))
}

// checkHeader checks an entry, and adds its name to those before.
func checkHeader(f *zip.File, names map[string]bool) error {
	name := strings.TrimSuffix(f.Name, "/")
	if err := pipeline.ValidPath(name); err != nil {
		return fmt.Errorf("has an entry that climbs out or cannot be written: %w", err)
	}
	if names[name] {
		return fmt.Errorf("has %.120q twice", name)
	}
	names[name] = true
	switch kind := f.Mode().Type(); {
	case kind&fs.ModeSymlink != 0:
		return fmt.Errorf("has a symbolic link, %.120q", name)
	case kind != 0 && kind != fs.ModeDir, f.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0:
		return fmt.Errorf("has %.120q, which is no plain file (%s)", name, f.Mode())
	}
	return nil
}

// checkContent unpacks an entry: its size and checksum have to be those that it has in
// the zip's directory. What a composer.json says fits the other paths, unless a mirror
// took the package from a tag or a zip: what was released is as it is.
func checkContent(f *zip.File, p *releases.ManifestPackage, paths []string) error {
	if f.Mode().IsDir() {
		return nil
	}
	r, err := f.Open()
	if err != nil {
		return fmt.Errorf("%.120q cannot be unpacked: %w", f.Name, err)
	}
	var out bytes.Buffer
	to := io.Discard
	if f.Name == "composer.json" {
		to = &out
		if f.UncompressedSize64 > maxComposer {
			return errors.Join(fmt.Errorf("has a composer.json of %d bytes", f.UncompressedSize64), r.Close())
		}
	}
	n, err := io.Copy(to, io.LimitReader(r, int64(f.UncompressedSize64)+1)) //nolint:gosec // bounded by OpenZip
	if err = errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("%.120q cannot be unpacked: %w", f.Name, err)
	}
	if uint64(n) != f.UncompressedSize64 { //nolint:gosec // not negative
		return fmt.Errorf("%.120q has more bytes than the zip says", f.Name)
	}
	if f.Name != "composer.json" {
		return nil
	}
	m, err := composer.ParseManifest(out.Bytes())
	if err == nil {
		err = p.CheckManifest(m)
	}
	if err == nil && p.Tag == "" && p.Commit != "" {
		var missing []string
		if missing, err = m.MissingAutoload(paths); len(missing) > 0 {
			err = fmt.Errorf("names %s, which is not there", strings.Join(missing, ", "))
		}
	}
	if err != nil {
		return fmt.Errorf("its composer.json %w", err)
	}
	return nil
}
