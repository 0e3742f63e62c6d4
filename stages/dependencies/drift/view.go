package drift

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"text/template"

	"github.com/mage-os/nightly/pipeline/markdown"
)

// A View is a report with what a reader needs beside it.
type View struct {
	Report
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
		return v.text()
	case JSON:
		return v.json()
	case Markdown:
		return v.markdown()
	case SARIF:
		return v.sarif()
	}
	return nil, fmt.Errorf("format %q is not known; the formats are %s", format, strings.Join(Formats, ", "))
}

// reportFormat is the version of the JSON format: raised when a field goes, or
// changes its meaning.
const reportFormat = 1

func (v View) json() ([]byte, error) {
	data, err := json.MarshalIndent(struct {
		Format   int    `json:"format"`
		Title    string `json:"title"`
		Program  string `json:"program"`
		Baseline string `json:"baseline"` // file; empty: none
		Totals   totals `json:"totals"`
		Report
	}{reportFormat, v.Title, v.Program, v.Baseline, v.totals(), v.Report}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the report as JSON: %w", err)
	}
	return append(data, '\n'), nil
}

//go:embed *.tmpl
var templateFiles embed.FS

// templates are those of the text and the Markdown, which share words and sentences.
var templates = func() *template.Template {
	all := template.New("")
	say := func(name string, data any) (string, error) {
		var b strings.Builder
		err := all.ExecuteTemplate(&b, name, data)
		return b.String(), err
	}
	all.Funcs(template.FuncMap{
		"count": markdown.Count, "mark": markers.Replace, "join": strings.Join, "say": say,
		"packages": byPackage, "toAdd": toAdd, "line": requireLine, "where": Finding.where,
	})
	for k, text := range kindTexts() {
		template.Must(all.New("short " + string(k)).Parse(text.Short))
		template.Must(all.New("message " + string(k)).Parse(text.Message))
	}
	return template.Must(all.ParseFS(templateFiles, "*.tmpl"))
}()

// A page is what the templates are filled with.
type page struct {
	View
	Totals              totals
	Kinds               []kindSum
	Shown               []Finding // the new ones that are to be shown
	New, Known, LeftOut int       // findings
	// These are Markdown.
	AlarmingTable, ShownTable string
}

// A kindSum is a row of the table of kinds.
type kindSum struct {
	Kind           Kind
	Title          string
	All, New, Left int
}

func (v View) page() page {
	p := page{View: v, Totals: v.totals()}
	left := map[Kind]int{}
	for _, f := range v.Findings {
		switch {
		case !f.New:
			p.Known++
			continue
		case v.All || f.Kind.text().Level != levelNote:
			p.Shown = append(p.Shown, f)
		default:
			left[f.Kind]++
			p.LeftOut++
		}
		p.New++
	}
	for _, k := range Kinds {
		if n := p.Totals.Findings[k]; n > 0 {
			p.Kinds = append(p.Kinds, kindSum{k, k.text().Title, n, p.Totals.New[k], left[k]})
		}
	}
	return p
}

// text is the report for a terminal.
func (v View) text() ([]byte, error) {
	var out bytes.Buffer
	columns := tabwriter.NewWriter(&out, 0, 8, 2, ' ', 0)
	if err := templates.ExecuteTemplate(columns, "text.tmpl", v.page()); err != nil {
		return nil, err
	}
	if err := columns.Flush(); err != nil {
		return nil, err
	}
	return blanks.ReplaceAll(out.Bytes(), nil), nil
}

// blanks are those that columns leave at the end of a line.
var blanks = regexp.MustCompile(`(?m) +$`)

// maxSummary bounds the Markdown, in bytes: GitHub takes a mebibyte for the
// summary of one step, and throws away what is larger, all of it.
const maxSummary = 1000 << 10

// markdown is the report for the summary of a job.
func (v View) markdown() ([]byte, error) {
	p := v.page()
	var err error
	if p.AlarmingTable, err = findingTable(v.Alarming(), maxSummary/2); err != nil {
		return nil, err
	}
	if p.ShownTable, err = findingTable(p.Shown, maxSummary-64<<10-len(p.AlarmingTable)); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, "markdown.tmpl", p); err != nil {
		return nil, err
	}
	return append(bytes.TrimRight(out.Bytes(), "\n"), '\n'), nil
}

// markers are what Markdown and HTML would read as something else.
var markers = strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "\n", " ")

// findingTable writes findings as a table of about that many bytes at most; empty: no findings.
func findingTable(findings []Finding, limit int) (string, error) {
	if len(findings) == 0 {
		return "", nil
	}
	var out markdown.Page
	out.Table("package", "kind", "require", "where", "what to do")
	for i, f := range findings {
		if out.Len() > limit {
			fmt.Fprintf(&out, "\n%s more; the JSON report has them.\n", markdown.Count(len(findings)-i, "finding"))
			break
		}
		todo, err := f.say("short")
		if err != nil {
			return "", err
		}
		out.RawRow(markers.Replace(f.Package), string(f.Kind), markers.Replace(f.Require), markers.Replace(f.where()), strings.ReplaceAll(todo, "|", `\|`))
	}
	return out.String(), nil
}

// byPackage cuts sorted findings at their packages.
func byPackage(findings []Finding) [][]Finding {
	var groups [][]Finding
	for i, f := range findings {
		if i == 0 || f.Package != findings[i-1].Package {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], f)
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
		text += " and " + markdown.Count(f.Uses-1, "more file")
	}
	return text
}
