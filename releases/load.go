package releases

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/config"
)

// Load gives the line of that name that the program carries in itself (Names),
// or reads the file if nameOrFile has a slash or ends in .yaml or .yml. The
// error is a *ConfigError with every problem of the line.
func Load(nameOrFile string) (*Line, error) {
	if isFile(nameOrFile) {
		data, err := config.ReadFile(nameOrFile)
		if err != nil {
			return nil, configErrorf("read release line: %w; the command lines lists those that the program has, and a line of yours can extend one", err)
		}
		return Parse(nameOrFile, data)
	}
	if !slices.Contains(Names(), nameOrFile) {
		return nil, configErrorf("release line %q: there is no such line%s; a file of yours is named with its ending, as in %[1]s.yaml",
			nameOrFile, config.Suggest(nameOrFile, Names()))
	}
	file := nameOrFile + ".yaml"
	data, err := fs.ReadFile(lines, file)
	if err != nil {
		return nil, configErrorf("read release line: %w", err)
	}
	return Parse("releases/"+file, data)
}

func isFile(nameOrFile string) bool {
	switch filepath.Ext(nameOrFile) {
	case ".yaml", ".yml":
		return true
	}
	return strings.ContainsAny(nameOrFile, "/"+string(filepath.Separator))
}

// Parse reads a release line from YAML, fills in the defaults, and validates the
// whole. The filename stands in messages only. The error is a *ConfigError with
// every problem, each with its line and column.
func Parse(filename string, data []byte) (*Line, error) {
	root, problems := config.Parse(filename, data)
	if root == nil {
		return nil, &ConfigError{Err: config.Join(problems)}
	}
	return decodeLine(root, problems)
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
	nameListed(line, checked.Add)
	check(line, checked)
	if err := checked.Err(); err != nil {
		return nil, &ConfigError{Err: err}
	}
	return line, nil
}

// Validate checks the whole line, as Parse does for one that is read from YAML.
// The error is a *ConfigError with every problem; there are no line numbers.
func (l *Line) Validate() error {
	clone, err := l.Clone()
	if err != nil {
		return err
	}
	for i := range clone.Repositories {
		clone.Repositories[i].Local = false // no file can say so
	}
	root, err := lineSchema.Written(clone, true)
	if err != nil {
		return err
	}
	for _, at := range clone.gitURLs() {
		if strings.HasPrefix(*at.url, listedPrefix) {
			return configErrorf("%s: a line that was read names the repository itself", *at.url)
		}
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
