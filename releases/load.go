package releases

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/config"
)

// Load gives the line of that name that the program carries in itself (Names),
// or reads the file if nameOrFile has a slash or ends in .yaml or .yml. The
// error is a *ConfigError with every problem of the line.
func Load(nameOrFile string) (*Line, error) {
	if !isFile(nameOrFile) && !slices.Contains(Names(), nameOrFile) {
		return nil, configErrorf("release line %q: there is no such line%s; a file of yours is named with its ending, as in %[1]s.yaml",
			nameOrFile, config.Suggest(nameOrFile, Names()))
	}
	file, data, err := readLine(nameOrFile, "")
	if err != nil {
		return nil, configErrorf("read release line: %w; the command lines lists those that the program has, and a line of yours can extend one", err)
	}
	return Parse(file, data)
}

func isFile(nameOrFile string) bool {
	switch filepath.Ext(nameOrFile) {
	case ".yaml", ".yml":
		return true
	}
	return strings.ContainsAny(nameOrFile, "/"+string(filepath.Separator))
}

// Parse reads a release line from YAML, puts what it extends below it, fills in the
// defaults, and validates the whole. Files that it extends are looked for beside
// filename. The error is a *ConfigError with every problem, each with its line and
// column.
func Parse(filename string, data []byte) (*Line, error) {
	root, problems := config.Parse(filename, data)
	x := &extender{problems: problems, failed: root == nil}
	if root != nil {
		root = x.extend(root, []string{filename})
	}
	if x.failed {
		return nil, &ConfigError{Err: config.Join(x.problems)}
	}
	root = listed(root, func(p config.Problem) { x.problems = append(x.problems, p) })
	return decodeLine(root, x.problems)
}

// decodeLine reads a line that may have some problems already.
func decodeLine(root *config.Node, problems []config.Problem) (*Line, error) {
	checked, err := lineSchema.Check(root, problems)
	if err != nil {
		return nil, err
	}
	line := &Line{}
	if err := checked.Decode(line); err != nil {
		return nil, configErrorf("%s: %w", root.File, err)
	}
	if line.Title == "" {
		line.Title = line.Name
	}
	if i := slices.IndexFunc(line.Editions, func(e Edition) bool { return e.Type == ProjectEdition }); i >= 0 && line.Install.Project == "" {
		line.Install.Project = line.Editions[i].Name
	}
	check(line, checked)
	if err := checked.Err(); err != nil {
		return nil, &ConfigError{Err: err}
	}
	return line, nil
}

// Validate checks the whole line, as Parse does for one that is read from YAML.
// The error is a *ConfigError with every problem; there are no line numbers.
func (l *Line) Validate() error {
	root, err := l.written()
	if err != nil {
		return err
	}
	checked, err := lineSchema.Check(root, nil)
	if err != nil {
		return err
	}
	check(l, checked)
	if err := checked.Err(); err != nil {
		return &ConfigError{Err: err}
	}
	return nil
}

// YAML writes the effective line as a file that extends nothing.
func (l *Line) YAML() ([]byte, error) {
	root, err := l.written()
	if err != nil {
		return nil, err
	}
	text, err := root.YAML()
	return append([]byte("# yaml-language-server: $schema=line.schema.json\n"), text...), err
}

// written is what a file would hold of the line.
func (l *Line) written() (*config.Node, error) {
	clone, err := l.Clone()
	if err != nil {
		return nil, err
	}
	for i := range clone.Repositories {
		clone.Repositories[i].Local = false // no file can say so
	}
	return lineSchema.Written(clone, true)
}
