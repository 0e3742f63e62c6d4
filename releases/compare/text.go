package compare

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/markdown"
)

// JSON writes the comparison for machines.
func (c *Result) JSON() ([]byte, error) { return pipeline.EncodeJSON(c, "  ") }

// counts is the comparison in one sentence.
func (c *Result) counts() string {
	return fmt.Sprintf("%s added, %d removed, %d with another version, %d that require something else; %s in %s",
		markdown.Count(len(c.Added), "package"), len(c.Removed), len(c.Changed), len(c.RequireChanges()),
		markdown.Count(c.CommitCount(), "commit"), markdown.Count(len(c.Repositories), "changed repository"))
}

// Text writes the comparison for a terminal.
func (c *Result) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %s to %s\n%s.\n", printable(c.After.Title), c.Before.Snapshot, c.After.Snapshot, c.counts())
	section := heading(&b)
	for _, p := range c.Added {
		section("Packages")
		fmt.Fprintf(&b, "+ %s %s (%s)\n", printable(p.Name), printable(p.Version), printable(p.Type))
	}
	for _, p := range c.Removed {
		section("Packages")
		fmt.Fprintf(&b, "- %s %s (%s)\n", printable(p.Name), printable(p.Version), printable(p.Type))
	}
	for _, p := range c.RequireChanges() {
		section("Requires")
		fmt.Fprintf(&b, "%s\n", printable(p.Name))
		for _, r := range p.Requires {
			fmt.Fprintf(&b, "  %s\n", printable(r.line(" → ")))
		}
	}
	for _, r := range c.Repositories {
		section("Commits")
		fmt.Fprintf(&b, "%s %s\n", printable(r.Name), r.span(" → "))
		if r.Unknown != "" {
			fmt.Fprintf(&b, "  %s\n", printable(r.Unknown))
		}
		for _, commit := range r.Commits {
			fmt.Fprintf(&b, "  %.10s %s, %s\n", commit.ID, printable(commit.Subject), printable(commit.Author))
			for _, request := range commit.PullRequests {
				if request.URL != "" {
					fmt.Fprintf(&b, "             %s\n", request.URL)
				}
			}
		}
	}
	return b.Bytes()
}

// heading gives a function that writes a heading once before what follows it.
func heading(b *bytes.Buffer) func(string) {
	last := ""
	return func(title string) {
		if title != last {
			fmt.Fprintf(b, "\n%s\n", title)
			last = title
		}
	}
}

// line is a changed require, after a sign that says what became of it.
func (r ChangedRequire) line(arrow string) string {
	switch {
	case r.Before == "":
		return "+ " + r.Name + " " + r.After
	case r.After == "":
		return "- " + r.Name + " " + r.Before
	}
	return "~ " + r.Name + " " + r.Before + arrow + r.After
}

// span is both commits, shortened.
func (r ChangedRepository) span(arrow string) string {
	switch {
	case r.Before == "":
		return fmt.Sprintf("%.10s", r.After)
	case r.After == "":
		return fmt.Sprintf("%.10s", r.Before)
	}
	return fmt.Sprintf("%.10s%s%.10s", r.Before, arrow, r.After)
}

// printable keeps what others wrote from steering a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '\uFFFD'
		}
		return r
	}, text)
}

// Markdown writes the comparison for release notes.
func (c *Result) Markdown() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "## %s: %s to %s\n\n%s.\n", escape(c.After.Title), c.Before.Snapshot, c.After.Snapshot, c.counts())
	if len(c.Added)+len(c.Removed) > 0 {
		fmt.Fprint(&b, "\n### Packages\n\n")
	}
	for _, p := range c.Added {
		fmt.Fprintf(&b, "- added: %s %s (%s)\n", code(p.Name), code(p.Version), escape(p.Type))
	}
	for _, p := range c.Removed {
		fmt.Fprintf(&b, "- removed: %s %s (%s)\n", code(p.Name), code(p.Version), escape(p.Type))
	}
	if len(c.RequireChanges()) > 0 {
		fmt.Fprint(&b, "\n### Requires\n\n")
	}
	for _, p := range c.RequireChanges() {
		fmt.Fprintf(&b, "- %s\n", code(p.Name))
		for _, r := range p.Requires {
			fmt.Fprintf(&b, "  - %s\n", r.markdown())
		}
	}
	c.markdownCommits(&b)
	return b.Bytes()
}

func (r ChangedRequire) markdown() string {
	switch {
	case r.Before == "":
		return "added: " + code(r.Name) + " " + code(r.After)
	case r.After == "":
		return "removed: " + code(r.Name) + " " + code(r.Before)
	}
	return code(r.Name) + " " + code(r.Before) + " → " + code(r.After)
}

func (c *Result) markdownCommits(b *bytes.Buffer) {
	for _, r := range c.Repositories {
		name, web := escape(r.Name), WebURL(r.URL)
		if web != "" {
			name = "[" + name + "](" + web + ")"
		}
		fmt.Fprintf(b, "\n### %s\n\n%s\n", name, code(r.span(" → ")))
		if r.Unknown != "" {
			fmt.Fprintf(b, "\n%s\n", escape(r.Unknown))
		}
		if len(r.Commits) > 0 {
			fmt.Fprintln(b)
		}
		for _, commit := range r.Commits {
			id := code(fmt.Sprintf("%.10s", commit.ID))
			if web != "" {
				id = "[" + id + "](" + web + "/commit/" + commit.ID + ")"
			}
			fmt.Fprintf(b, "- %s %s, %s%s\n", id, escape(commit.Subject), escape(commit.Author), links(commit.PullRequests))
		}
	}
}

func links(requests []PullRequest) string {
	text := ""
	for _, r := range requests {
		if r.URL != "" {
			text += " ([#" + r.Number + "](" + r.URL + "))"
		}
	}
	return text
}

// markdownSigns are what would mean something in a line of Markdown. A number
// after # links by itself on GitHub, in the wrong repository.
var markdownSigns = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "#", "&#35;", "@", "&#64;", "|", `\|`, "~", `\~`, "!", `\!`)

// escape is a text that others wrote as it stands.
func escape(text string) string { return markdownSigns.Replace(printable(text)) }

func code(text string) string { return "`" + strings.ReplaceAll(printable(text), "`", "'") + "`" }
