package compare

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/markdown"
)

//go:embed *.tmpl
var templateFiles embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"span": ChangedRepository.span, "short": short, "web": WebURL, "printable": printable, "escape": escape, "code": code,
}).ParseFS(templateFiles, "*.tmpl"))

// JSON writes the comparison for machines.
func (c *Result) JSON() ([]byte, error) { return pipeline.EncodeJSON(c, "  ") }

// Text writes the comparison for a terminal.
func (c *Result) Text() []byte { return c.fill("text.tmpl") }

// Markdown writes the comparison for release notes.
func (c *Result) Markdown() []byte { return c.fill("markdown.tmpl") }

func (c *Result) fill(name string) []byte {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, c); err != nil {
		fmt.Fprintf(&b, "\n%v\n", err) // a template asks for what there is not; a test fills both
	}
	return b.Bytes()
}

// Summary is the comparison in one sentence.
func (c *Result) Summary() string {
	if c.Unbuilt {
		return fmt.Sprintf("%s in %s; the packages of a plan are not known", c.CommitText(), markdown.Count(len(c.Repositories), "changed repository"))
	}
	return fmt.Sprintf("%s added, %d removed, %d with another version, %d that require something else; %s in %s",
		markdown.Count(len(c.Added), "package"), len(c.Removed), len(c.Changed), len(c.RequireChanges()),
		c.CommitText(), markdown.Count(len(c.Repositories), "changed repository"))
}

// CommitText counts the commits between, and tells where their number is not known.
func (c *Result) CommitText() string {
	n := c.CommitCount()
	switch {
	case !slices.ContainsFunc(c.Repositories, func(r ChangedRepository) bool { return r.Unknown != "" }):
		return markdown.Count(n, "commit")
	case n == 0:
		return "commits not known"
	}
	return markdown.Count(n, "known commit")
}

func short(commit string) string { return fmt.Sprintf("%.10s", commit) }

// span is both commits, shortened, or the one that there is.
func (r ChangedRepository) span() string {
	if r.Before == "" || r.After == "" {
		return short(r.Before + r.After)
	}
	return short(r.Before) + " → " + short(r.After)
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

// markdownSigns are what would mean something in a line of Markdown. A number
// after # links by itself on GitHub, in the wrong repository.
var markdownSigns = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "#", "&#35;", "@", "&#64;", "|", `\|`, "~", `\~`, "!", `\!`)

// escape is a text that others wrote as it stands.
func escape(text string) string { return markdownSigns.Replace(printable(text)) }

func code(text string) string { return "`" + strings.ReplaceAll(printable(text), "`", "'") + "`" }
