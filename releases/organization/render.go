package organization

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"text/template"

	"github.com/mage-os/nightly/pipeline/markdown"
)

// Summary says in a few words what the plan holds.
func (p *Comparison) Summary() string {
	text := "the list and GitHub agree"
	if n := len(p.Differences); n > 0 {
		repositories := map[string]bool{}
		for _, d := range p.Differences {
			if d.Repository != "" {
				repositories[strings.ToLower(d.Repository)] = true
			}
		}
		text = fmt.Sprintf("%s, %s", markdown.Count(n, "difference"), markdown.Count(len(repositories), "repository"))
	}
	if n := len(p.Unknown); n > 0 {
		text += ", " + markdown.Count(n, "part") + " not known"
	}
	return text
}

// Message says what a difference is, in one sentence.
func (d Difference) Message() string {
	switch {
	case d.Rule == BranchRule || d.Rule == FileRule:
		return d.Subject + " is missing on GitHub"
	case d.Rule == RepositoryRule && d.Subject == "name":
		return fmt.Sprintf("was %s in the list and is renamed; write the new name there", d.Listed)
	case d.Rule == RepositoryRule && strings.HasPrefix(d.Found, "moved"):
		return "is listed, and has " + d.Found
	case d.Listed == "" && d.Rule == RepositoryRule:
		return fmt.Sprintf("is on GitHub (%s), and not in the list", d.Found)
	case d.Found == "" && d.Rule == RepositoryRule:
		return "is in the list, and not on GitHub, or not for this token"
	case d.Listed == "":
		return fmt.Sprintf("%s: %s on GitHub, and not in the list", d.Subject, d.Found)
	case d.Found == "":
		return fmt.Sprintf("%s: %s in the list, and not on GitHub", d.Subject, d.Listed)
	}
	return fmt.Sprintf("%s: %s in the list, %s on GitHub", d.Subject, d.Listed, d.Found)
}

// Level is how grave the difference is: error, warning or note.
func (d Difference) Level() string {
	for _, r := range Rules {
		if r.ID == d.Rule && d.Subject != "description" {
			return r.Level
		}
	}
	return "note"
}

// UnknownText says what could not be read, and why.
func UnknownText(u Unknown) string {
	part := u.Part
	if part == All {
		part = "the repository"
	}
	if u.Repository != "" && u.Part == All {
		return fmt.Sprintf("%s: %s", u.Repository, u.Reason)
	}
	if u.Repository != "" {
		return fmt.Sprintf("%s: %s: %s", u.Repository, part, u.Reason)
	}
	return fmt.Sprintf("%s: %s", part, u.Reason)
}

//go:embed text.tmpl markdown.tmpl
var templateFiles embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"cell": cell, "unknown": UnknownText, "plain": func(u Unknown) string { return strings.Trim(cell(UnknownText(u)), "`") },
}).ParseFS(templateFiles, "*.tmpl"))

// Text is the plan for a terminal.
func (p *Comparison) Text() []byte { return p.fill("text.tmpl") }

// Markdown is the plan for the summary of a job.
func (p *Comparison) Markdown() []byte { return p.fill("markdown.tmpl") }

func (p *Comparison) fill(name string) []byte {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, p); err != nil {
		fmt.Fprintf(&b, "\n%v\n", err) // a template asks for what there is not; a test fills both
	}
	return b.Bytes()
}

// cell makes a text safe within a table of Markdown.
func cell(text string) string {
	text = strings.NewReplacer("\\", "\\\\", "|", "\\|", "\n", " ", "\r", " ", "<", "&lt;", "`", "'").Replace(text)
	if text == "" {
		return "–"
	}
	return "`" + text + "`"
}

// jsonFormat is the format of plans in JSON.
const jsonFormat = 1

// A jsonResult is a difference in JSON.
type jsonResult struct {
	Rule       string `json:"ruleId"`
	Level      string `json:"level"`
	Repository string `json:"repository"`
	Subject    string `json:"subject"`
	Listed     string `json:"listed"`
	Found      string `json:"found"`
	Message    string `json:"message"`
}

// JSON is the plan for programs. It has the shape of SARIF: rules, and results that name
// them.
func (p *Comparison) JSON() ([]byte, error) {
	results := []jsonResult{}
	for _, d := range p.Differences {
		results = append(results, jsonResult{d.Rule, d.Level(), d.Repository, d.Subject, d.Listed, d.Found, d.Message()})
	}
	data, err := json.MarshalIndent(struct {
		Format       int          `json:"format"`
		Organization string       `json:"organization"`
		Summary      string       `json:"summary"`
		Rules        []Rule       `json:"rules"`
		Results      []jsonResult `json:"results"`
		Unknown      []Unknown    `json:"unknown"`
	}{jsonFormat, p.Organization, p.Summary(), Rules, results, append([]Unknown{}, p.Unknown...)}, "", "  ")
	return append(data, '\n'), err
}
