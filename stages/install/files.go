package install

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
)

// checkFiles looks at what Composer and its plugins put on disk: the files that
// packages of ours load at every request, the base files, and whether PHP can
// read our code at all.
func (s *shop) checkFiles(ctx context.Context) error {
	errs := slices.Concat(s.unloaded(), s.unmapped(), s.undeployed())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("the installed files are not whole:\n%w\nsee %s", err, s.project())
	}
	s.prove("files", "what packages load at every request is there, and every base file is deployed")
	return s.syntax(ctx)
}

// vendor is the folder of an installed package.
func (s *shop) vendor(name composer.Name) string { return s.in("vendor/" + string(name)) }

// unloaded are the files of autoload.files that a package of ours does not have:
// a module's registration.php above all.
func (s *shop) unloaded() []error {
	var errs []error
	for _, p := range s.ourLocked() {
		if p.Type == "metapackage" {
			continue
		}
		var autoload struct{ Files []string }
		if err := json.Unmarshal(orNull(p.Autoload), &autoload); err != nil {
			errs = append(errs, fmt.Errorf("%s: autoload.files: %w", p.Name, err))
		}
		for _, file := range autoload.Files {
			if !exists(filepath.Join(s.vendor(p.Name), filepath.FromSlash(file))) {
				errs = append(errs, fmt.Errorf("%s: its autoload loads %s, which the package does not have", p.Name, file))
			}
		}
	}
	return errs
}

// A mapping is one row of extra.map: from a path of a package to one of the shop.
type mapping struct {
	of       composer.Name
	from, to string
}

// mappings are the rows of extra.map of all packages of ours.
func (s *shop) mappings() []mapping {
	var all []mapping
	for _, p := range s.ourLocked() {
		var extra struct{ Map [][]string }
		if raw, ok := p.Manifest.Get("extra"); !ok || json.Unmarshal(raw, &extra) != nil {
			continue // extra.map of another shape is not magento-composer-installer's
		}
		for _, row := range extra.Map {
			if len(row) == 2 {
				all = append(all, mapping{of: p.Name, from: row[0], to: row[1]})
			}
		}
	}
	return all
}

// unmapped are the rows of extra.map whose file the package does not have.
func (s *shop) unmapped() (errs []error) {
	for _, m := range s.mappings() {
		dir := s.vendor(m.of)
		if exists(dir) && !exists(filepath.Join(dir, filepath.FromSlash(m.from))) {
			errs = append(errs, fmt.Errorf("%s: extra.map deploys %s, which the package does not have", m.of, m.from))
		}
	}
	return errs
}

// undeployed are the rows of extra.map whose file is not in the shop.
func (s *shop) undeployed() (errs []error) {
	for _, m := range s.mappings() {
		if m.to != "" && !exists(s.in(m.to)) {
			errs = append(errs, fmt.Errorf("%s: %s of its extra.map is not in the project; is the plugin that deploys it installed and allowed?", m.of, m.to))
		}
	}
	return errs
}

// phpSyntax parses files that it reads the names of; see the file.
//
//go:embed php/syntax.php
var phpSyntax []byte

// examples are folders whose PHP need not be right: tests have broken files on
// purpose.
var examples = []string{"/Test/", "/Tests/", "/test/", "/tests/", "/_files/", "/dev/"}

// syntax parses all PHP of our packages in one process.
func (s *shop) syntax(ctx context.Context) error {
	files, err := s.phpFiles()
	if err != nil {
		return fmt.Errorf("look for PHP files: %w", err)
	}
	list := s.dir.path("tmp/php-files")
	if err := os.WriteFile(list, []byte(strings.Join(files, "\n")), 0o644); err != nil {
		return err
	}
	if err := s.runPHP(ctx, command{step: "syntax", dir: s.project()}, phpSyntax, list); err != nil {
		return err
	}
	s.prove("syntax", "PHP %s reads %d files of ours", s.tool("php"), len(files))
	return nil
}

// phpFiles are the PHP files of our packages, relative to the project.
func (s *shop) phpFiles() ([]string, error) {
	var files []string
	for _, p := range s.ourLocked() {
		if p.Type == "metapackage" {
			continue
		}
		top := "vendor/" + string(p.Name)
		err := fs.WalkDir(os.DirFS(s.project()), top, func(file string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			example := slices.ContainsFunc(examples, func(dir string) bool { return strings.Contains(strings.TrimPrefix(file, top), dir) })
			if ext := path.Ext(file); !example && (ext == ".php" || ext == ".phtml") {
				files = append(files, file)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// orNull is JSON for what is absent.
func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}
