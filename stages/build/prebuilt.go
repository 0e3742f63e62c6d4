package build

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// Prebuilt takes over zips as they are, byte for byte: those that the plan names,
// and those in directories of the line's data. One that is no package is left out with a
// note; all that cannot be had are reported together.
func (o Options) Prebuilt(ctx context.Context, plan *releases.Plan, tree pipeline.Tree) (stages.TagPackages, error) {
	o = o.withDefaults()
	out := stages.TagPackages{Repository: stages.Prebuilt, Notes: []releases.Note{}}
	var list []stages.TagPackage
	var errs []error
	take := func(what string, open func() (io.ReadCloser, error), zipped releases.PlannedZip) {
		d, err := o.addZip(ctx, open, zipped.SHA1)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
			return
		}
		p, notes, err := o.prebuilt(ctx, d, zipped)
		if err == nil {
			err = p.Manifest.Loadable()
		}
		if err != nil {
			out.Notes = append(out.Notes, releases.Note{
				Packages: []string{what}, LeftOut: true, What: "it is no package that Composer would load: " + strings.ReplaceAll(err.Error(), "\n", "; "),
			})
			return
		}
		out.Notes = append(out.Notes, notes...)
		list = append(list, p)
	}
	for _, z := range plan.Prebuilt {
		take(z.URL, func() (io.ReadCloser, error) { return composer.FetchDist(ctx, o.Fetcher, z.URL) }, z)
	}
	d, err := openData(ctx, o.Store, tree)
	if err != nil {
		return out, err
	}
	for _, from := range plan.Line.Prebuilt {
		for _, f := range d.zips(from.Directory) {
			take(f.Path+" of the line's data", func() (io.ReadCloser, error) { return o.Store.Open(ctx, f.Digest) }, releases.PlannedZip{})
		}
	}
	if err := errors.Join(errs...); err != nil {
		return out, err
	}
	var files []pipeline.File
	list = slices.DeleteFunc(list, func(p stages.TagPackage) bool {
		twice := slices.ContainsFunc(files, func(f pipeline.File) bool { return f.Path == p.Path })
		if !twice {
			files = append(files, pipeline.File{Path: p.Path, Mode: pipeline.Regular, Size: p.Size, Digest: p.SHA256})
		}
		return twice // the first one counts
	})
	out.Packages = len(list)
	out.Tree, err = saveTag(ctx, o.Store, list, files)
	return out, err
}

// zips are the zips right in a directory of the data; none for an empty name.
func (d data) zips(dir string) []pipeline.File {
	var found []pipeline.File
	if dir == "" {
		return nil
	}
	for name, f := range d.Below(dir) {
		if !strings.Contains(name, "/") && composer.IsZip(name) && f.Mode != pipeline.Symlink {
			found = append(found, f)
		}
	}
	return found
}

// addZip puts a zip into the store.
func (o Options) addZip(ctx context.Context, open func() (io.ReadCloser, error), want string) (packed, error) {
	body, err := open()
	if err != nil {
		return packed{}, err
	}
	defer body.Close()
	sum := sha1.New()
	digest, size, err := o.Store.Add(ctx, io.TeeReader(body, sum))
	if err != nil {
		return packed{}, err
	}
	got := hex.EncodeToString(sum.Sum(nil))
	if want != "" && got != want {
		return packed{}, fmt.Errorf("it has the SHA-1 %s, not %s as planned; make the plan anew, or ask who publishes it", got, want)
	}
	return packed{File: pipeline.File{Size: size, Digest: digest}, SHA1: got}, nil
}

// prebuilt reads what package a zip of the store is.
func (o Options) prebuilt(ctx context.Context, d packed, want releases.PlannedZip) (p stages.TagPackage, notes []releases.Note, err error) {
	content, err := o.Store.Open(ctx, d.File.Digest)
	if err != nil {
		return p, nil, err
	}
	defer content.Close()
	m, paths, err := composer.ZipManifest(content, content.Size())
	if err != nil {
		return p, nil, err
	}
	if m.Version() == "" && want.Version != "" {
		if err := m.SetAfter("name", "version", want.Version); err != nil {
			return p, nil, err
		}
	}
	if want.Name != "" && versionKey(want.Name, want.Version) != versionKey(m.Name(), m.Version()) {
		return p, nil, fmt.Errorf("it is %s %s, not %s %s as planned", m.Name(), m.Version(), want.Name, want.Version)
	}
	d.File.Path = packing{Name: m.Name(), Version: m.Version()}.path()
	return tagPackage(".", m, d), notesOf(m, unloadable(m, "a zip", paths)), nil
}
