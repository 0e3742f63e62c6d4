package suspects

import (
	"fmt"
	"strings"

	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/stages/publish/history"
)

// Head is a suspect in one line.
func Head(s history.Suspect) string {
	head := strings.TrimSpace(fmt.Sprintf("%s %.10s", s.Name, s.Commit))
	if s.Title != "" {
		head += " " + s.Title
	}
	if s.Author != "" {
		head += " (" + s.Author + ")"
	}
	return head
}

// Text lists the first suspects for a terminal.
func Text(all []history.Suspect) string {
	if len(all) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Suspects, the first of %d:\n", len(all))
	for _, s := range all[:min(Named, len(all))] {
		fmt.Fprintf(&b, "  %s\n    %s\n", markdown.Printable(Head(s)), markdown.Printable(s.Why))
		if s.URL != "" {
			fmt.Fprintf(&b, "    %s\n", markdown.Printable(s.URL))
		}
	}
	return b.String()
}

// Markdown lists the first suspects on a page.
func Markdown(all []history.Suspect) string {
	if len(all) == 0 {
		return ""
	}
	var p markdown.Page
	fmt.Fprintf(&p, "### Suspects, the first of %d\n\n", len(all))
	p.Table("repository", "commit", "author", "why")
	for _, s := range all[:min(Named, len(all))] {
		commit := markdown.Code(strings.TrimSpace(fmt.Sprintf("%.10s %s", s.Commit, s.Title))) // nobody whom it names is told of it
		if s.URL != "" {
			commit = "[" + commit + "](" + s.URL + ")"
		}
		p.RawRow(markdown.Cell(s.Name), commit, markdown.Code(s.Author), markdown.Cell(s.Why))
	}
	p.WriteString("\n")
	return p.String()
}
