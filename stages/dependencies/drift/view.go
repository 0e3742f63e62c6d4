package drift

import (
	"fmt"
	"slices"
	"strings"
)

// A View is a comparison with what a reader needs beside it.
type View struct {
	Comparison
	Title    string // what was looked at: the line's title, or a folder
	Program  string // version of this program
	Baseline string // file of the baseline; empty: none
	// All shows in text and Markdown also what is merely worth knowing: used in
	// tests or configuration only, imported only, suggested only.
	All bool
}

// The formats, by their names on the command line.
const (
	Text     = "text"
	JSON     = "json"
	Markdown = "markdown"
	SARIF    = "sarif"
)

// Formats are all formats.
var Formats = []string{Text, JSON, Markdown, SARIF}

// Render writes the view in a format: the same view is the same bytes.
func Render(format string, v View) ([]byte, error) {
	switch format {
	case Text:
		return v.text(), nil
	case JSON:
		return v.json()
	case Markdown:
		return v.markdown(), nil
	case SARIF:
		return v.sarif()
	}
	return nil, fmt.Errorf("format %q is not known; the formats are %s", format, strings.Join(Formats, ", "))
}

// A level says how grave a kind is; its values are SARIF's.
type level string

const (
	levelError   level = "error"
	levelWarning level = "warning"
	levelNote    level = "note"
)

// kindTexts say what a kind means and what to do.
var kindTexts = map[Kind]struct {
	level             level
	title, help, todo string
}{
	Unreachable: {levelError, "used, and no require leads there",
		"Production code uses another package that the package does not require, nor does anything that it requires. Installed by itself it can fail with a fatal error.",
		"Add it to \"require\" of the package's composer.json, or remove the use."},
	Undeclared: {levelWarning, "used, and not required by the package itself",
		"Production code uses a package that the package does not require itself. It is there because something else requires it, and is gone when that changes.",
		"Add it to \"require\" of the package's composer.json, or remove the use."},
	Extension: {levelWarning, "extension of PHP used, and not required",
		"Production code uses functions, classes or constants of an extension of PHP that the package does not require itself, and does not ask first whether it is there.",
		"Add the extension to \"require\" of the package's composer.json."},
	Suggested: {levelNote, "used, and only suggested",
		"Production code uses a package that is only suggested. That is right if the code runs only where the package is installed.",
		"See that the use is guarded, or move the package from \"suggest\" to \"require\"."},
	Unused: {levelWarning, "required, and nothing refers to it",
		"No PHP, XML, GraphQL, template, script or database schema of the package refers to a package that it requires.",
		"Remove it from \"require\" of the package's composer.json, unless it is wanted for its effect."},
	Idle: {levelNote, "required, and only doc comments, imports or tests refer to it",
		"What the package requires is named only in doc comments, unused imports or tests, or not at all while another package that it requires requires it too.",
		"Move it to \"require-dev\", or remove it."},
	Configuration: {levelNote, "only XML or GraphQL names it, and it is not required",
		"Only XML files or GraphQL schemas name classes of the package. Magento passes over configuration of what is not installed in some files, and fails on it in others.",
		"Add it to \"require\" if the configuration does not work without it, else to \"suggest\"."},
	Tests: {levelNote, "only tests use it, and it is not required for development",
		"Only tests use the package.",
		"Add it to \"require-dev\" of the package's composer.json."},
}

func (k Kind) level() level { return kindTexts[k].level }

// shown gives the new findings that text and Markdown show, and how many of each
// kind they leave out.
func (v View) shown() (shown []Finding, left map[Kind]int) {
	left = map[Kind]int{}
	for _, f := range v.Findings {
		switch {
		case !v.New[f.Key()]:
		case v.All || f.Kind.level() != levelNote:
			shown = append(shown, f)
		default:
			left[f.Kind]++
		}
	}
	return shown, left
}

// noIndex is said of a folder of which nobody knows what Composer would install.
const noIndex = "No composer.lock and no vendor/composer/installed.json is here: third-party classes are not known, and packages of Magento are named by the convention for modules. With --line they are looked up in a line's repositories."

// missing says of which packages it is not known what they require; empty: of
// none.
func (v View) missing() string {
	const few = 5
	names := v.Missing
	rest := ""
	if len(names) > few && !v.All {
		names, rest = names[:few], fmt.Sprintf(" and %d more (--all names them)", len(names)-few)
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("Nothing that needs one of %s was called unreachable, since it is not known what they require: %s%s.",
		count(len(v.Missing), "required package"), strings.Join(names, ", "), rest)
}

// byPackage cuts sorted findings at their packages.
func byPackage(findings []Finding) [][]Finding {
	var groups [][]Finding
	for len(findings) > 0 {
		n := slices.IndexFunc(findings, func(f Finding) bool { return f.Package != findings[0].Package })
		if n < 0 {
			n = len(findings)
		}
		groups, findings = append(groups, findings[:n]), findings[n:]
	}
	return groups
}

// toAdd are the lines to add to the "require" of a package's composer.json.
func toAdd(findings []Finding) []string {
	var lines []string
	for _, f := range findings {
		if f.Kind == Unreachable || f.Kind == Undeclared || f.Kind == Extension {
			lines = append(lines, requireLine(f))
		}
	}
	slices.Sort(lines)
	return lines
}

func requireLine(f Finding) string { return fmt.Sprintf("%q: %q", f.Require, f.Constraint) }

// how says in a few words how a package comes to be there, or that it does not.
func (f Finding) how() string {
	switch {
	case f.Convention:
		return "by its name only: there is no index of classes here"
	case f.Kind == Unused:
		return ""
	case f.Kind == Idle && len(f.Via) > 0:
		return "comes with " + strings.Join(f.Via, ", ") + " anyway: required here it only limits the version"
	case f.Kind == Idle:
		return ""
	case len(f.Via) > 0:
		return "through " + strings.Join(f.Via, " → ")
	case f.Open:
		return "whether anything leads there is not known"
	case f.Kind != Tests && f.Kind != Suggested:
		return "nothing that it requires leads there"
	}
	return ""
}

// where writes the first place, and how many more files there are.
func (f Finding) where() string {
	if len(f.Places) == 0 {
		return ""
	}
	p := f.Places[0]
	if f.Kind == Idle && len(f.Places) > 1 {
		p = f.Places[1]
	}
	text := fmt.Sprintf("%s:%d %s %s", p.Path, p.Line, p.How, p.Name)
	if f.Uses > 1 {
		text += " and " + count(f.Uses-1, "more file")
	}
	return text
}

// message is a finding as one sentence, without its place.
func (f Finding) message() string {
	switch f.Kind {
	case Unreachable:
		return fmt.Sprintf("%s uses %s, which neither it nor anything that it requires requires. Add %s to \"require\" of %s.", f.Package, f.Require, requireLine(f), f.Manifest)
	case Undeclared, Extension:
		through := "nothing that it requires does so"
		if len(f.Via) > 0 {
			through = "it comes through " + strings.Join(f.Via, " → ")
		} else if f.Open {
			through = "whether anything that it requires does is not known"
		}
		return fmt.Sprintf("%s uses %s without requiring it; %s. Add %s to \"require\" of %s.", f.Package, f.Require, through, requireLine(f), f.Manifest)
	case Suggested:
		return fmt.Sprintf("%s uses %s, which it only suggests.", f.Package, f.Require)
	case Unused:
		return fmt.Sprintf("%s requires %s, and nothing in it refers to that.", f.Package, f.Require)
	case Idle:
		if len(f.Via) > 0 {
			return fmt.Sprintf("%s requires %s, and nothing in it refers to that; it comes with %s anyway.", f.Package, f.Require, strings.Join(f.Via, ", "))
		}
		return fmt.Sprintf("%s requires %s, and only doc comments, imports or tests refer to it.", f.Package, f.Require)
	case Configuration:
		return fmt.Sprintf("%s names classes of %s in its configuration and does not require it.", f.Package, f.Require)
	}
	return fmt.Sprintf("Tests of %s use %s, which is not in \"require-dev\".", f.Package, f.Require)
}
