// Package lines loads release lines: files that can extend each other, are held
// against their JSON Schema, and then against what no schema can say.
package lines

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
)

// shared begins the names of what lines have in common: they extend it, and it is
// no line.
const shared = "shared-"

// Names are the names of the release lines that the program carries in itself,
// in byte order.
func Names() []string {
	var names []string
	files, _ := fs.Glob(releases.Files, "*.yaml") // the pattern is a good one
	for _, file := range files {
		if !strings.HasPrefix(file, shared) {
			names = append(names, strings.TrimSuffix(file, ".yaml"))
		}
	}
	slices.Sort(names)
	return names
}

// Load gives the line of that name that the program carries in itself (Names),
// or reads the file if nameOrFile has a slash or ends in .yaml or .yml. The
// error is a *config.Error with every problem of the line.
func Load(nameOrFile string) (*releases.Line, error) {
	if !isFile(nameOrFile) && !slices.Contains(Names(), nameOrFile) {
		return nil, config.Errorf("release line %q: there is no such line%s; a file of yours is named with its ending, as in %[1]s.yaml",
			nameOrFile, config.Suggest(nameOrFile, Names()))
	}
	file, data, err := read(nameOrFile, "")
	if err != nil {
		return nil, config.Errorf("read release line: %w; mageos-nightly lines lists those that the program has, and a line of yours can extend one", err)
	}
	return Parse(file, data)
}

func isFile(nameOrFile string) bool {
	ending := filepath.Ext(nameOrFile)
	return ending == ".yaml" || ending == ".yml" || strings.ContainsAny(nameOrFile, "/"+string(filepath.Separator))
}

// Parse reads a release line from YAML, puts what it extends below it, fills in the
// defaults, and checks the whole. Files that it extends are looked for beside
// filename. The error is a *config.Error with every problem, each with its line and
// column.
func Parse(filename string, data []byte) (*releases.Line, error) {
	root, problems := config.Parse(filename, data)
	x := &extender{problems: problems, failed: root == nil}
	if root != nil {
		root = x.extend(root, []string{filename})
	}
	if x.failed {
		return nil, config.Join(x.problems)
	}
	root = x.listed(root)
	checked, err := schema.Check(root, x.problems)
	if err != nil {
		return nil, err
	}
	line := &releases.Line{}
	if err := checked.Decode(line); err != nil {
		return nil, config.Errorf("%s: %w", filename, err)
	}
	if line.Title == "" {
		line.Title = line.Name
	}
	isProject := func(e releases.Edition) bool { return e.Type == releases.ProjectEdition }
	if i := slices.IndexFunc(line.Editions, isProject); i >= 0 && line.Install.Project == "" {
		line.Install.Project = line.Editions[i].Name
	}
	if err := check(line, checked); err != nil {
		return nil, err
	}
	return line, nil
}

// Check checks a whole line, as Parse does for one that is read from YAML. The error
// is a *config.Error with every problem; there are no line numbers.
func Check(l *releases.Line) error {
	root, err := written(l)
	if err != nil {
		return err
	}
	checked, err := schema.Check(root, nil)
	if err != nil {
		return err
	}
	return check(l, checked)
}

// YAML writes an effective line as a file that extends nothing.
func YAML(l *releases.Line) ([]byte, error) {
	root, err := written(l)
	if err != nil {
		return nil, err
	}
	text, err := root.YAML()
	return append([]byte("# yaml-language-server: $schema=line.schema.json\n"), text...), err
}

// written gives a line as a file would have it.
func written(l *releases.Line) (*config.Node, error) {
	clone, err := l.Clone()
	if err != nil {
		return nil, err
	}
	for i := range clone.Repositories {
		clone.Repositories[i].Local, clone.Repositories[i].Folder = false, "" // no file can say so
	}
	return schema.Written(clone, true)
}
