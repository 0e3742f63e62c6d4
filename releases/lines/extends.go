package lines

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
)

// maxExtended is how many files one line can be made of.
const maxExtended = 16

// An extender puts what lines extend below them.
type extender struct {
	problems []config.Problem
	files    int  // that were read
	failed   bool // something that is extended is not there
}

func (x *extender) fail(at *config.Node, format string, args ...any) {
	x.failed = true
	x.problems = append(x.problems, at.Problem(nil, "extends: "+format, args...))
}

// extend gives the effective line: what is extended, in its order, and the line
// itself over it. The chain is the files that led here, the line's own last.
func (x *extender) extend(line *config.Node, chain []string) *config.Node {
	extends := line.Get("extends")
	if extends == nil {
		return line
	}
	own := *line
	own.Fields = slices.DeleteFunc(slices.Clone(line.Fields), func(f config.Field) bool { return f.Key == "extends" })
	references := extends.Items
	if references == nil {
		references = []*config.Node{extends}
	}
	effective := &config.Node{Fields: []config.Field{}}
	for _, reference := range references {
		if extended := x.load(reference, chain); extended != nil {
			effective = merge(effective, extended, "")
		}
	}
	return merge(effective, &own, "")
}

// load reads what a line extends.
func (x *extender) load(reference *config.Node, chain []string) *config.Node {
	name := reference.Text()
	if name == "" {
		x.fail(reference, "want the name of a line, a file, or a list of them")
		return nil
	}
	file, data, err := read(name, filepath.Dir(chain[len(chain)-1]))
	if x.files++; x.files > maxExtended {
		x.fail(reference, "the line is made of more than %d files", maxExtended)
		return nil
	}
	if slices.Contains(chain, file) {
		x.fail(reference, "a circle: %s", strings.Join(append(chain, file), " extends "))
		return nil
	}
	if err != nil {
		x.fail(reference, "%v", err)
		return nil
	}
	root, problems := config.Parse(file, data)
	x.problems = append(x.problems, problems...)
	if root == nil {
		x.failed = true
		return nil
	}
	return x.extend(root, append(slices.Clone(chain), file))
}

// read reads a line by its name, or a file: from is the folder that its name is
// relative to.
func read(nameOrFile, from string) (file string, data []byte, err error) {
	if isFile(nameOrFile) {
		file = nameOrFile
		if !filepath.IsAbs(file) {
			file = filepath.Join(from, file)
		}
		data, err = files.Read(file, config.MaxFile)
		return file, data, err
	}
	file = nameOrFile + ".yaml"
	if data, err = releases.Files.ReadFile(file); err != nil {
		err = fmt.Errorf("there is no line %q%s; a file is named with its ending", nameOrFile, config.Suggest(nameOrFile, Names()))
	}
	return "releases/" + file, data, err
}

// identity are the keys that tell the entries of a list apart. Of other lists there
// is only the whole.
var identity = map[string][]string{
	"repositories": {"name"}, "editions": {"name"}, "packages": {"each", "directory", "metapackage"}, "require": {"package"}, "edits": {"package", "when"},
}

// merge puts a value over another one: mappings are merged key by key, and lists
// whose entries have an identity entry by entry; anything else replaces. What is
// null is taken out. The key is that of both values.
func merge(below, above *config.Node, key string) *config.Node {
	switch {
	case below.Items != nil && above.Items != nil && identity[key] != nil:
		return mergeList(below, above, key)
	case below.Fields == nil || above.Fields == nil:
		return above
	}
	merged := &config.Node{Place: above.Place, Fields: []config.Field{}}
	for _, f := range below.Fields {
		switch over := above.Field(f.Key); {
		case over.Value == nil:
			merged.Fields = append(merged.Fields, f)
		case !over.Value.IsNull():
			over.Value = merge(f.Value, over.Value, f.Key)
			merged.Fields = append(merged.Fields, over)
		}
	}
	for _, f := range above.Fields {
		if below.Get(f.Key) == nil {
			merged.Fields = append(merged.Fields, f)
		}
	}
	return merged
}

// mergeList keeps the order of what is below. A new entry stands behind the one
// before it in its file, or at the end.
func mergeList(below, above *config.Node, key string) *config.Node {
	id := func(entry *config.Node) (id string) {
		for _, key := range identity[key] {
			id += "\x00" + entry.Get(key).Text()
		}
		return id
	}
	merged := &config.Node{Place: above.Place, Items: slices.Clone(below.Items)}
	next, seen := len(merged.Items), map[string]bool{}
	for _, entry := range above.Items {
		i := slices.IndexFunc(merged.Items, func(other *config.Node) bool { return id(other) == id(entry) })
		switch drop := entry.Get("drop"); {
		case i < 0 || seen[id(entry)]: // a second one of a file is no override
			merged.Items = slices.Insert(merged.Items, next, entry)
			next++
		case drop != nil && drop.Value == true:
			merged.Items = slices.Delete(merged.Items, i, i+1)
			next = i
		case key == "require":
			merged.Items[i], next = entry, i+1 // it is a constraint or a tag
		default:
			merged.Items[i], next = merge(merged.Items[i], entry, ""), i+1
		}
		seen[id(entry)] = true
	}
	return merged
}
