package drift

import (
	"bytes"
	"fmt"
	"strings"
)

// maxSummary bounds the Markdown, in bytes: GitHub takes a mebibyte for the
// summary of one step, and throws away what is larger, all of it.
const maxSummary = 1000 << 10

// markdown is the report for the summary of a job: the alarming first, the rest
// to be folded out.
func (v View) markdown() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "## Dependencies of %s\n\n%s.\n\n", mark(v.Title), mark(v.Summary()))
	v.markdownOfTotals(&out)
	if alarming := v.Alarming(); len(alarming) > 0 {
		fmt.Fprint(&out, "### New and unreachable\n\n")
		markdownOfFindings(&out, alarming, maxSummary/2)
	}
	shown, left := v.shown()
	if len(shown) > 0 {
		fmt.Fprintf(&out, "<details><summary>%s, by package</summary>\n\n", count(len(shown), "finding"))
		markdownOfFindings(&out, shown, maxSummary-64<<10)
		fmt.Fprint(&out, "</details>\n\n")
	}
	v.markdownOfRest(&out)
	if len(left) > 0 {
		n := 0
		for _, one := range left {
			n += one
		}
		fmt.Fprintf(&out, "%s worth knowing only are left out; `--all` shows them.\n\n", count(n, "finding"))
	}
	if len(v.Gone) > 0 {
		fmt.Fprintf(&out, "%d of the baseline gone; `--write-baseline` takes them out.\n", len(v.Gone))
	}
	return append(bytes.TrimRight(out.Bytes(), "\n"), '\n')
}

func (v View) markdownOfTotals(out *bytes.Buffer) {
	fmt.Fprint(out, "| kind | what it means | all | new |\n|---|---|--:|--:|\n")
	for _, kind := range Kinds {
		if n := v.Count(kind); n > 0 {
			fmt.Fprintf(out, "| %s | %s | %d | %d |\n", kind, kindTexts[kind].title, n, v.countNew(kind))
		}
	}
	fmt.Fprintf(out, "| clean | packages without a finding | %d | |\n\n", v.Clean())
}

// markdownOfFindings writes a table until out has that many bytes.
func markdownOfFindings(out *bytes.Buffer, findings []Finding, limit int) {
	fmt.Fprint(out, "| package | kind | require | where | what to do |\n|---|---|---|---|---|\n")
	for i, f := range findings {
		if out.Len() > limit {
			fmt.Fprintf(out, "\n%s more; the JSON report has them.\n", count(len(findings)-i, "finding"))
			break
		}
		todo := ""
		switch f.Kind {
		case Unreachable, Undeclared, Extension:
			todo = "add `" + requireLine(f) + "`"
		case Unused:
			todo = "remove it"
		case Idle, Tests:
			todo = "`require-dev`"
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s |\n", mark(f.Package), f.Kind, mark(f.Require), mark(f.where()), strings.ReplaceAll(todo, "|", `\|`))
	}
	fmt.Fprintln(out)
}

func (v View) markdownOfRest(out *bytes.Buffer) {
	if len(v.Provided) > 0 {
		fmt.Fprint(out, "<details><summary>Used without being required, and rightly so</summary>\n\n| package | used by | why |\n|---|--:|---|\n")
		for _, p := range v.Provided {
			fmt.Fprintf(out, "| %s | %d | %s |\n", mark(p.Require), len(p.Packages), mark(p.Reason))
		}
		fmt.Fprint(out, "\n</details>\n\n")
	}
	if sentence := v.Sentence(); sentence != "" {
		fmt.Fprintf(out, "%s\n\n", mark(sentence))
	}
	if note := v.missing(); note != "" {
		fmt.Fprintf(out, "%s\n\n", mark(note))
	}
	if !v.Index {
		fmt.Fprintf(out, "%s\n\n", mark(noIndex))
	}
}

// markers are what Markdown and HTML would read as something else.
var markers = strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "\n", " ")

// mark writes text so that Markdown shows it as it is.
func mark(text string) string { return markers.Replace(text) }
