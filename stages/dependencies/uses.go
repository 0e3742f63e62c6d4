package dependencies

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages/dependencies/php"
	"github.com/mage-os/nightly/stages/dependencies/platform"
	"github.com/mage-os/nightly/stages/dependencies/scan"
)

// A use is the first place where a package is used: of the first file in byte
// order of the paths.
type use struct {
	path  string // from the root of the repository
	line  int
	class string
}

// String is the evidence of a require.
func (u use) String() string { return fmt.Sprintf("%s:%d", u.path, u.line) }

// diXML is the only XML file of a base package that configures classes of others.
const diXML = "app/etc/di.xml"

// uses finds the packages, and the PHP extensions, that the files of a base
// package use, each with the first place. Wanted picks the files, by their paths
// in the package.
func (a *analysis) uses(ctx context.Context, b base, locked *installed, wanted func(file string) bool) (map[string]use, error) {
	var files []pipeline.File
	for file, f := range b.in.head.Below(b.entry.Directory) {
		if wanted(file) && !pipeline.Within(b.entry.Exclude, file) {
			files = append(files, f)
		}
	}
	scanned, err := scan.Files(ctx, a.Store, files)
	if err != nil {
		return nil, fmt.Errorf("read its code: %w", err)
	}
	uses := map[string]use{}
	for _, f := range scanned {
		if f.Problem != "" {
			b.in.log.Debug("file is odd; what was read of it counts", "file", f.Path, "problem", f.Problem)
		}
		for _, ref := range f.References {
			name, ok := locked.holder(ref)
			if _, known := uses[name]; ok && !known {
				uses[name] = use{f.Path, ref.Line, ref.Name}
			}
		}
	}
	return uses, nil
}

// holder gives the package, or the PHP extension, that has what the code refers
// to. A class that PHP has itself is in no package, even if one brings it for
// older versions.
func (i *installed) holder(ref php.Reference) (name string, ok bool) {
	switch ref.Kind {
	case php.Function:
		return platform.Extension(platform.Function, ref.Name)
	case php.Constant:
		return platform.Extension(platform.Constant, ref.Name)
	}
	if !ref.Kind.Code() && ref.Kind != scan.XML {
		return "", false
	}
	if ext, ok := platform.Extension(platform.Class, ref.Name); ok {
		return ext, true
	}
	name, _ = i.index.Find(ref.Name)
	name = strings.ToLower(name)
	_, ok = i.locked[name]
	return name, ok
}

// productionFile picks what runs in a shop: PHP, templates, scripts without
// extension such as bin/magento, and di.xml; no tests, no tools of developers.
func productionFile(file string) bool {
	name := path.Base(file)
	switch {
	case strings.HasPrefix(file, "dev/"), strings.HasPrefix(file, "tests/"), strings.HasPrefix(file, "Test/"):
		return false
	case strings.Contains(file, "/Test/"), strings.Contains(file, "/tests/"):
		return false
	case file == name && strings.HasSuffix(name, ".dist.php"):
		return false // the configuration of a tool
	}
	return isCode(name) || !strings.Contains(name, ".") || file == diXML
}

// everyFile picks what the generator that Mage-OS had before reads.
func everyFile(file string) bool { return isCode(file) || file == diXML }

func isCode(name string) bool {
	return strings.HasSuffix(name, ".php") || strings.HasSuffix(name, ".phtml")
}
