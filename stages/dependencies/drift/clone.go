package drift

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// Clone makes the input of a folder: a clone of one package, or of a repository
// with many, as it lies there with what is not committed. Every composer.json
// with a name is a package, but those of vendor, node_modules, hidden folders
// and tests. So is the root of a project, with what lies in none of them: of a
// shop its own code, of Magento's repository Magento\Setup. Third-party packages are known from the folder's composer.lock and
// from vendor/composer/installed.json, if there is one or the other.
//
// Name is what the report calls the repository. Symbolic links are left out.
func Clone(ctx context.Context, store pipeline.Store, folder fs.FS, name string) (Input, error) {
	c := &clone{store: store, folder: folder, name: name}
	if root, err := c.manifest("composer.json"); err == nil {
		c.project = root.Type() == "project"
	}
	err := fs.WalkDir(folder, ".", func(file string, d fs.DirEntry, err error) error {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if d.IsDir() {
			if c.skips(file) {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || !isText(file) {
			return nil
		}
		if info, err := d.Info(); err != nil || info.Size() > stages.MaxText && path.Base(file) != "composer.json" && file != lockFile {
			return err
		}
		return c.add(ctx, file)
	})
	if err != nil {
		return Input{}, fmt.Errorf("read the folder: %w", err)
	}
	if err := c.add(ctx, installedFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Input{}, err
	}
	if len(c.packages) == 0 {
		return Input{}, errors.New("no composer.json with a name lies in the folder, but for those of vendor and tests; give the root of a package's clone")
	}
	tree, err := store.Save(ctx, c.files)
	if err != nil {
		return Input{}, err
	}
	return Input{
		Sources:      stages.Sources{Repositories: []stages.Source{{Name: name, Head: tree}}},
		Dependencies: stages.Dependencies{Packages: c.packages}, Lock: name, Vendors: []string{}, Only: []string{name},
	}, nil
}

// unnamedRoot is what Composer calls a root package without a name.
const unnamedRoot = "__root__"

// clone is a folder while it is read.
type clone struct {
	store    pipeline.Store
	folder   fs.FS
	name     string
	project  bool // its root is a shop's or a distribution's
	files    []pipeline.File
	packages []stages.Package
}

// manifest reads a composer.json.
func (c *clone) manifest(file string) (*composer.Manifest, error) {
	f, err := c.open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := files.ReadAll(f, file, stages.MaxText)
	if err != nil {
		return nil, err
	}
	m, err := composer.ParseManifest(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return m, nil
}

// skips reports whether nothing below a directory is looked at.
func (c *clone) skips(dir string) bool {
	base := path.Base(dir)
	switch {
	case dir == ".":
		return false
	case base == "vendor", base == "node_modules", base[0] == '.':
		return true
	case c.project:
		return dir == "generated" || dir == "var" || dir == "pub/static" || dir == "pub/media"
	}
	return false
}

// isText reports whether a file can hold code, or name a package.
func isText(file string) bool {
	ext := path.Ext(file)
	return ext == "" || ext == ".dist" || ext == ".inc" || ext == ".lock" || slices.Contains(textual, strings.ToLower(ext))
}

// open opens a plain file of no more bytes than anybody reads of one.
func (c *clone) open(file string) (fs.File, error) {
	info, err := fs.Stat(c.folder, file)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no plain file (%s)", file, info.Mode())
	}
	if err == nil && info.Size() > stages.MaxText {
		err = fmt.Errorf("%s has %d bytes, more than %d; move it away", file, info.Size(), stages.MaxText)
	}
	if err != nil {
		return nil, err
	}
	return c.folder.Open(file)
}

// add adds a file to the store, and its package if it is the composer.json of one.
func (c *clone) add(ctx context.Context, file string) error {
	f, err := c.open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	digest, size, err := c.store.Add(ctx, f)
	if err != nil {
		return err
	}
	c.files = append(c.files, pipeline.File{Path: file, Mode: pipeline.Regular, Size: size, Digest: digest})
	if path.Base(file) != "composer.json" || file != "composer.json" && (testPaths{module: true}).are(file) {
		return nil
	}
	m, err := c.manifest(file)
	p := stages.Package{Repository: c.name, Directory: path.Dir(file), Kind: stages.Plain}
	switch isRoot := file == "composer.json" && c.project; {
	case err != nil || !isRoot && (m.Name() == "" || m.Type() == "project"):
		return err
	case m.Name() == "":
		p.Name = unnamedRoot
	default:
		name, err := composer.ParseName(m.Name())
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		p.Name = string(name)
	}
	if m.Type() == "metapackage" {
		p.Kind = stages.Metapackage
	}
	c.packages = append(c.packages, p)
	return nil
}

// Within puts a clone into a distribution: its packages take the place of those
// of the distribution with their names, whose other packages are known but not
// reported on.
func (in Input) Within(line Input) Input {
	project := func(name string) string { return stages.WithoutVendor(name, line.Vendors) }
	mine := map[string]bool{}
	for _, p := range in.Dependencies.Packages {
		mine[project(p.Name)] = true
	}
	joined := Input{Lock: line.Lock, Vendors: line.Vendors, Only: in.Only}
	joined.Sources.Repositories = slices.Concat(line.Sources.Repositories, in.Sources.Repositories)
	for _, p := range line.Dependencies.Packages {
		if !mine[project(p.Name)] {
			joined.Dependencies.Packages = append(joined.Dependencies.Packages, p)
		}
	}
	joined.Dependencies.Packages = append(joined.Dependencies.Packages, in.Dependencies.Packages...)
	return joined
}
