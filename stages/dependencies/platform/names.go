package platform

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
)

//go:embed names.txt
var namesText string

//go:embed other.txt
var otherText string

// A symbol is a name of a kind, in lower case unless it is a constant.
type symbol struct {
	kind Kind
	name string
}

// names are the extensions by what they hold. The files are part of the program and a test reads them, so that a
// mistake in them is one in the program.
var names = sync.OnceValue(func() map[symbol]string {
	held := make(map[symbol]string, strings.Count(namesText, " ")+strings.Count(otherText, " "))
	for file, text := range map[string]string{"names.txt": namesText, "other.txt": otherText} {
		if err := read(held, text); err != nil {
			panic(fmt.Errorf("read %s: %w", file, err))
		}
	}
	return held
})

var kinds = map[string]Kind{"function": Function, "class": Class, "constant": Constant}

// read adds a file's names: sections "[extension]", and lines of a kind and names; "#" begins a comment.
func read(held map[symbol]string, text string) error {
	ext := ""
	number := 0
	for line := range strings.Lines(text) {
		number++
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || fields[0] == "#":
			continue
		case len(fields) == 1 && strings.HasPrefix(fields[0], "[") && strings.HasSuffix(fields[0], "]"):
			ext = "ext-" + strings.Trim(fields[0], "[]")
			continue
		}
		kind, ok := kinds[fields[0]]
		if !ok || ext == "" {
			return fmt.Errorf("line %d: %.40q; want [extension], or class, constant or function and names", number, line)
		}
		if err := add(held, kind, ext, fields[1:]); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	return nil
}

func add(held map[symbol]string, kind Kind, ext string, names []string) error {
	for _, name := range names {
		if kind != Constant {
			name = strings.ToLower(name)
		}
		if other, twice := held[symbol{kind, name}]; twice {
			return fmt.Errorf("%s %s is in %s and in %s", kind, name, other, ext)
		}
		held[symbol{kind, name}] = ext
	}
	return nil
}
