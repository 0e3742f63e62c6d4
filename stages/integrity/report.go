package integrity

import (
	"bytes"
	"cmp"
	"fmt"
	"text/tabwriter"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages/diff"
)

// A Report is what two catalogues differ in. All lists are in byte order of the
// packages.
type Report struct {
	Ours     string `json:"ours"`
	Theirs   string `json:"theirs"`
	Compared int    `json:"compared"` // packages that both have in the same version
	// Missing are in theirs alone, Extra in ours alone.
	Missing []Ref            `json:"missing"`
	Extra   []Ref            `json:"extra"`
	Links   []LinkDifference `json:"links"`
	Files   []FileDifference `json:"files"`
}

// A Ref is one version of a package.
type Ref struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// A LinkDifference is one entry of a section of composer.json; a side that does not
// have it has no constraint.
type LinkDifference struct {
	Ref
	Section composer.Section `json:"section"`
	Package string           `json:"package"`
	Ours    string           `json:"ours"`
	Theirs  string           `json:"theirs"`
}

// A FileDifference is one file of a package.
type FileDifference struct {
	Ref
	diff.Difference
}

func newReport(ours, theirs *Catalogue) *Report {
	return &Report{
		Ours: ours.String(), Theirs: theirs.String(),
		Missing: []Ref{}, Extra: []Ref{}, Links: []LinkDifference{}, Files: []FileDifference{},
	}
}

// Differences is the number of differences.
func (r *Report) Differences() int {
	return len(r.Missing) + len(r.Extra) + len(r.Links) + len(r.Files)
}

// Summary says in a line what was found.
func (r *Report) Summary() string {
	return fmt.Sprintf("%d packages compared; %d missing, %d extra, %d links and %d files differ",
		r.Compared, len(r.Missing), len(r.Extra), len(r.Links), len(r.Files))
}

// JSON is the report for machines.
func (r *Report) JSON() ([]byte, error) { return pipeline.EncodeJSON(r, "  ") }

// sides are what a table says of ours and theirs.
var sides = map[diff.What][2]string{
	diff.OnlyOurs: {"there", "-"}, diff.OnlyTheirs: {"-", "there"}, diff.Content: {"other content", "other content"},
}

// rows are the report as a table: package, version, what differs, ours, theirs.
func (r *Report) rows() (rows [][5]string) {
	add := func(p Ref, what string, side [2]string) {
		rows = append(rows, [5]string{p.Name, p.Version, what, side[0], side[1]})
	}
	for _, p := range r.Missing {
		add(p, "package", sides[diff.OnlyTheirs])
	}
	for _, p := range r.Extra {
		add(p, "package", sides[diff.OnlyOurs])
	}
	for _, l := range r.Links {
		add(l.Ref, string(l.Section)+" "+l.Package, [2]string{cmp.Or(l.Ours, "-"), cmp.Or(l.Theirs, "-")})
	}
	for _, f := range r.Files {
		add(f.Ref, f.Path, sides[f.What])
	}
	return rows
}

// Text is the report as a table.
func (r *Report) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "ours    %s\ntheirs  %s\n%s\n", r.Ours, r.Theirs, r.Summary())
	if rows := r.rows(); len(rows) > 0 {
		table := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
		fmt.Fprintln(table, "\nPACKAGE\tVERSION\tWHAT\tOURS\tTHEIRS")
		for _, row := range rows {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", row[0], row[1], row[2], row[3], row[4])
		}
		_ = table.Flush() // into memory
	}
	return b.Bytes()
}

// Markdown is the report as a table for an issue.
func (r *Report) Markdown() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Ours: %s, theirs: %s. %s.\n", r.Ours, r.Theirs, r.Summary())
	if rows := r.rows(); len(rows) > 0 {
		b.WriteString("\n| package | version | what | ours | theirs |\n| --- | --- | --- | --- | --- |\n")
		for _, row := range rows {
			fmt.Fprintf(&b, "| %s | %s | `%s` | %s | %s |\n", row[0], row[1], row[2], cell(row[3]), cell(row[4]))
		}
	}
	return b.Bytes()
}

// cell writes a constraint for a cell: "||" would end it.
func cell(text string) string {
	return string(bytes.ReplaceAll([]byte(text), []byte("|"), []byte(`\|`)))
}
