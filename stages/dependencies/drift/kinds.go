package drift

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

// Kind is what is wrong about one require of a package.
type Kind string

// The kinds of findings. Their values stand in baselines and reports: they stay.
const (
	// Unreachable: production code uses it, and no chain of requires leads there.
	// Whoever installs the package alone can get a fatal error.
	Unreachable Kind = "unreachable"
	// Undeclared: production code uses it, and only requires of requires lead
	// there.
	Undeclared Kind = "undeclared"
	// Suggested: production code uses it, and it is only suggested.
	Suggested Kind = "suggested"
	// Configuration: only XML files or GraphQL schemas name it, or the parent of
	// a theme, and it is not required.
	Configuration Kind = "configuration"
	// Extension: production code uses an extension of PHP that is not required.
	Extension Kind = "extension"
	// Unused: it is required, and nothing at all refers to it.
	Unused Kind = "unused"
	// Idle: it is required, and only doc comments, imports or tests refer to it, or
	// nothing does but another required package requires it too.
	Idle Kind = "idle"
	// Tests: only tests use it, and it is neither required nor required for
	// development.
	Tests Kind = "tests"
)

// Kinds are all kinds, the gravest first.
var Kinds = []Kind{Unreachable, Undeclared, Extension, Suggested, Unused, Idle, Configuration, Tests}

// A level says how grave a kind is; its values are SARIF's.
type level string

const (
	levelError   level = "error"
	levelWarning level = "warning"
	levelNote    level = "note"
)

// A kindText has the texts of a kind, from kinds.yaml. Short and Message
// are templates that a finding fills.
type kindText struct {
	Kind                              Kind
	Level                             level
	Title, Help, Todo, Short, Message string
}

//go:embed kinds.yaml
var kindsText []byte

// kindTexts reads the table once. It is part of the program, and a test reads it: an
// error here cannot be.
var kindTexts = sync.OnceValue(func() map[Kind]kindText {
	texts := map[Kind]kindText{}
	list, _ := parseKinds(kindsText)
	for _, k := range list {
		texts[k.Kind] = k
	}
	return texts
})

func parseKinds(text []byte) (list []kindText, err error) {
	return list, yaml.UnmarshalWithOptions(text, &list, yaml.Strict())
}

// rank is the kind's place in Kinds, so that 0 is the gravest.
func (k Kind) rank() int {
	if i := slices.Index(Kinds, k); i >= 0 {
		return i
	}
	return len(Kinds)
}

func (k Kind) text() kindText { return kindTexts()[k] }

// say fills a template of the finding's kind: "short" or "message".
func (f Finding) say(name string) (string, error) {
	var b strings.Builder
	err := templates.ExecuteTemplate(&b, name+" "+string(f.Kind), f)
	return b.String(), err
}
