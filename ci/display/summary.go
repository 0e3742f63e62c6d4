package display

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/pipeline/suspects"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// The bounds of a page: GitHub takes a mebibyte of each step.
const (
	maxPage         = 900_000 // bytes
	maxPageProblems = 200
)

// Page is a page about what a command ran, in Markdown: first what came of it, then the
// problems, the notes, the stages, with what it was proven, what was published, and from
// which commits. code is the exit code of what failed.
func Page(command string, runs []*Run, notes []string, failed error, code int) string {
	var p page
	p.heading(command, runs, notes, failed, code)
	for _, text := range notes {
		p.WriteString(text)
	}
	for _, d := range runs {
		p.WriteString(suspects.Markdown(d.Result.Suspects))
		p.stages(d.reports)
		p.notes(d.reports)
		p.proven(d.Result.Installations)
		p.publication(d.Result.Publication)
		p.packages(d.Result.Snapshot)
		p.plan(d.Result.Plan)
	}
	if p.Len() > maxPage {
		return p.String()[:strings.LastIndexByte(p.String()[:maxPage], '\n')] + "\n\n… cut off here\n"
	}
	return p.String()
}

// A page is the page about a run.
type page struct{ markdown.Page }

func (p *page) heading(command string, shown []*Run, notes []string, failed error, code int) {
	title := command
	for _, d := range shown {
		if plan := d.Result.Plan; plan != nil {
			title += ": " + plan.Line.Title + ", " + plan.Snapshot().Title()
			break
		}
	}
	if failed == nil && len(notes) > 0 { // which say themselves what came of it
		fmt.Fprintf(p, "%s\n\n", markdown.Cell(title))
		return
	}
	fmt.Fprintf(p, "## %s\n\n%s\n\n", markdown.Cell(verdict(shown, failed)), markdown.Cell(title))
	for _, d := range shown {
		if made := d.Result.Publication; made != nil && made.Changes != "" {
			fmt.Fprintf(p, "Changed since %s.\n\n", markdown.Cell(made.Changes))
		}
	}
	if failed == nil {
		return
	}
	all := Problems(failed)
	fmt.Fprintf(p, "**%s**, exit code %d:\n\n", markdown.Count(len(all), "problem"), code)
	for _, problem := range all[:min(len(all), maxPageProblems)] {
		p.WriteString(markdown.Block(markdown.Indented(problem)))
	}
	if more := len(all) - maxPageProblems; more > 0 {
		fmt.Fprintf(p, "    … and %d more\n", more)
	}
	p.WriteString("\n")
}

func (p *page) stages(reports []timed) {
	if len(reports) == 0 {
		return
	}
	p.Table("stage", "time", "state", "what")
	for _, r := range reports {
		took, detail := "", r.Detail
		if r.State != pipeline.Skipped {
			took = r.took.Round(10 * time.Millisecond).String()
		}
		if r.Err != nil {
			detail = "see above"
		}
		p.Row(r.Stage, took, string(r.State), detail)
	}
	p.WriteString("\n")
}

func (p *page) notes(reports []timed) {
	notes := 0
	for _, r := range reports {
		for _, note := range r.Notes {
			fmt.Fprintf(p, "- %s: %s\n", r.Stage, markdown.Cell(note))
			notes++
		}
	}
	if notes > 0 {
		p.WriteString("\n")
	}
}

// proven tells each cell with what it was proven, and what was not.
func (p *page) proven(all []stages.Installation) {
	if len(all) == 0 {
		return
	}
	p.WriteString("### Test installations\n\n")
	p.Table("cell", "level", "PHP", "Composer", "database", "search", "packages", "proven", "not proven", "notices")
	for _, i := range all {
		p.Row(i.Cell.Name(), string(i.Level), i.Tool("php"), i.Tool("composer"), i.Tool("database"), i.Tool("search"),
			fmt.Sprint(len(i.Packages)), fmt.Sprint(len(i.Proven)), stepNames(i.NotProven), fmt.Sprint(len(i.Notices)))
	}
	p.WriteString("\n")
}

func stepNames(proofs []stages.Proof) string {
	names := make([]string, len(proofs))
	for i, proof := range proofs {
		names[i] = proof.Step
	}
	return strings.Join(names, ", ")
}

// publication does not name the target, whose address may be a secret.
func (p *page) publication(made *stages.Publication) {
	if made == nil {
		return
	}
	what := "Published"
	if made.DryRun {
		what = "Would be published"
	}
	fmt.Fprintf(p, "### %s\n\n", what)
	p.Table("at", "snapshot", "files written", "there already", "bytes", "snapshots kept", "no longer resolved")
	p.Row(made.URL, string(made.Snapshot), fmt.Sprint(made.Added), fmt.Sprint(made.Unchanged), Bytes(made.Bytes),
		releases.NameList(made.Kept), releases.NameList(made.Removed))
	p.WriteString("\n")
}

func (p *page) packages(snapshot *stages.Snapshot) {
	if snapshot == nil {
		return
	}
	fmt.Fprintf(p, "<details><summary>%s</summary>\n\n", markdown.Count(len(snapshot.Packages), "package"))
	p.Table("package", "version", "type")
	for _, pkg := range snapshot.Packages {
		p.Row(pkg.Name, pkg.Version, pkg.Type)
	}
	p.WriteString("\n</details>\n\n")
}

func (p *page) plan(plan *releases.Plan) {
	if plan == nil {
		return
	}
	fmt.Fprintf(p, "<details><summary>Built from %s</summary>\n\n", markdown.Count(len(plan.Repositories), "repository"))
	p.Table("repository", "ref", "commit", "latest tag")
	for _, r := range plan.Repositories {
		p.RawRow(markdown.Cell(r.Name), markdown.Cell(strings.TrimPrefix(r.Ref, "refs/heads/")), commitLink(r.URL, r.Commit), markdown.Cell(r.Tag))
	}
	p.WriteString("\n</details>\n\n")
}

// commitLink is a link where the commit has a page of its own, as on GitHub.
func commitLink(repository, commit string) string {
	short := "`" + commit[:min(len(commit), 12)] + "`"
	u, err := url.Parse(repository)
	if err != nil || u.Scheme != "https" || u.User != nil || strings.ContainsAny(repository, " ()|<>") {
		return short
	}
	return "[" + short + "](" + strings.TrimSuffix(repository, ".git") + "/commit/" + commit + ")"
}
