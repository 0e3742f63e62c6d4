package monitor

import (
	"fmt"
	"strings"

	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/releases"
)

// maxChanged is how many packages an answer names for a pull request.
const maxChanged = 20

// PreviewAnswer is what who asked for a preview is told, in Markdown: the verdict, where it is,
// and what it changes. Without a manifest nothing was published; failed are the jobs that did.
func PreviewAnswer(m *releases.Manifest, url string, failed []string, run string) string {
	var b strings.Builder
	if m == nil || len(failed) > 0 {
		fmt.Fprintf(&b, "**Red**: there is no preview; %s", markdown.Cell(strings.Join(failed, ", ")))
	} else {
		fmt.Fprintf(&b, "**Green**: [%s](%s), a %s. Its page has the commands to install it.\n", m.Snapshot.Title(), url, markdown.Cell(m.Plan.PreviewTitle()))
		for _, r := range m.Plan.Repositories {
			for _, merged := range r.Merged {
				fmt.Fprintf(&b, "\n- %s changes %s%s", markdown.Cell(merged.Title), markdown.Count(len(merged.Files), "file"), changed(m, r.Name, merged))
			}
		}
	}
	if run != "" {
		fmt.Fprintf(&b, "\n\n[All of the run](%s)", run)
	}
	return b.String()
}

// changed names the packages in which a pull request changes something.
func changed(m *releases.Manifest, repository string, merged releases.Merged) string {
	var names []string
	for _, p := range m.Packages {
		in := func(file string) bool { return p.Directory != "." && strings.HasPrefix(file, p.Directory+"/") }
		for _, file := range merged.Files {
			if p.Repository == repository && in(file) {
				names = append(names, markdown.Code(p.Name))
				break
			}
		}
	}
	if len(names) == 0 {
		return ""
	}
	text := " in " + strings.Join(names[:min(len(names), maxChanged)], ", ")
	if more := len(names) - maxChanged; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
