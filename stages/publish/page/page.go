// Package page draws what people see of a repository: the board of its line, the pages of its snapshots and packages, the
// board of several lines, and feeds. A page is a pure function of what it shows.
package page

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"path"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
)

//go:embed *.html *.css *.js
var parts embed.FS

func part(name string) string {
	data, _ := parts.ReadFile(name) // embedded
	return string(data)
}

var style, copyScript, boardScript, searchScript = part("page.css"), part("copy.js"), part("board.js"), part("search.js")

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"label": Label, "quote": shellQuote, "short": short, "web": compare.WebURL, "subject": subject, "few": few, "words": WordsOf,
	"ref": func(name string) string {
		return strings.TrimPrefix(strings.TrimPrefix(name, "refs/heads/"), "refs/tags/")
	},
	"commit": func(web, id string) commit { return commit{web, id} },
	"github": func(web string) bool { return strings.HasPrefix(web, "https://github.com/") },
	"plural": func(n int, one, more string) string {
		if n == 1 {
			return one
		}
		return more
	},
	"moment": func(t time.Time) template.HTML {
		u := t.UTC()
		return template.HTML("<time datetime=\"" + u.Format(time.RFC3339) + "\">" + u.Format("2006-01-02 15:04") + " UTC</time>") //nolint:gosec // digits
	},
	"first":   func(text string) string { line, _, _ := strings.Cut(text, "\n"); return line },
	"command": command,
}).ParseFS(parts, "*.html"))

// draw draws a page with a template. Only these scripts, and the style, may run in it.
func draw(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	err := templates.ExecuteTemplate(&b, name, data)
	return b.Bytes(), err
}

// A head is what is in the head of each page.
type head struct {
	Policy string // Content-Security-Policy
	Style  template.HTML
	Script template.HTML
}

// inline is the head of a page that has its style and its scripts in it.
func inline(scripts ...string) head {
	script, source := strings.Join(scripts, "\n"), "'none'"
	h := head{Style: template.HTML("<style>" + style + "</style>")} //nolint:gosec // embedded
	if script != "" {
		source = "'" + sourceHash(script) + "'"
		h.Script = template.HTML("<script>" + script + "</script>") //nolint:gosec // embedded
	}
	h.Policy = "default-src 'none'; base-uri 'none'; form-action 'self'; img-src 'self'; style-src '" + sourceHash(style) + "'; script-src " + source
	return h
}

// sourceHash allows one inline style or script: Content Security Policy Level 3, "hash-source".
func sourceHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Label is a name without what its kind says already: 2026-11-24 of an addition.
func Label(name releases.SnapshotName) string { return path.Base(name.Dir()) }

// Words are what pages and the badge call the snapshots of a kind.
type Words struct{ Heading, Prefix, Badge string }

// WordsOf are those of a kind.
func WordsOf(k releases.SnapshotKind) Words {
	return map[releases.SnapshotKind]Words{
		releases.Release:  {"Releases", "Release", "release"},
		releases.Night:    {"Nights", "Night", "nightly"},
		releases.Addition: {"Added", "Added on", "mirror"},
		releases.Adoption: {"Adopted, not built here", "Adopted on", "adopted"},
		releases.Preview:  {"Previews, no nights", "Preview of", "preview"},
	}[k]
}

// A commit is a commit of a repository on the web.
type commit struct{ Web, ID string }

// URL is where GitHub, GitLab, Gitea and Forgejo all show a commit; empty: it is not on the web.
func (c commit) URL() string {
	if c.Web == "" {
		return ""
	}
	return c.Web + "/commit/" + c.ID
}

func short(commit string) string { return commit[:min(10, len(commit))] }

// few reports whether lists are shown at once: what is longer has to be opened.
func few(lists ...any) bool {
	n := 0
	for _, list := range lists {
		n += reflect.ValueOf(list).Len()
	}
	return n <= 12
}

// A subjectPart is a part of a commit's subject; URL is empty for plain text.
type subjectPart struct{ Text, URL string }

// subject links the pull requests in a commit's subject.
func subject(c compare.Commit) []subjectPart {
	var parts []subjectPart
	rest := c.Subject
	for _, request := range c.PullRequests {
		before, after, found := strings.Cut(rest, "#"+request.Number)
		if !found || compare.WebURL(request.URL) == "" {
			continue
		}
		parts = append(parts, subjectPart{Text: before}, subjectPart{"#" + request.Number, request.URL})
		rest = after
	}
	return append(parts, subjectPart{Text: rest})
}

// command gets a package from a repository.
func command(base, name, version, kind string) string {
	if kind == releases.ProjectEdition {
		return "composer create-project --repository=" + shellQuote(base) + " " + shellQuote(name+":"+version) + " shop"
	}
	return "composer require " + shellQuote(name+":"+version)
}

// install gets the line's project: the one that is installed as a test, else its first. It is empty if the line has none.
func install(m *releases.Manifest, base string) string {
	line := m.Plan.Line
	name := line.Install.Project
	for _, edition := range line.Editions {
		if edition.Type == releases.ProjectEdition {
			name = cmp.Or(name, edition.Name)
		}
	}
	for _, pkg := range m.Packages {
		if name != "" && pkg.Name == line.Vendor+"/"+name {
			return command(base, pkg.Name, pkg.Version, releases.ProjectEdition)
		}
	}
	return ""
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9@%_+=:,./-]+$`)

// shellQuote makes a word of a shell command that means just its text.
func shellQuote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
