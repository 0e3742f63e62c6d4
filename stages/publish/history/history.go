// Package history is what became of each run of a line, good or not: one small record a try, kept for a year at the
// target beside status.json. Nothing that Composer reads names it, and no snapshot's folder has any of it.
//
//	history/months.json     the months that there are, newest first
//	history/2026-11.json    the tries of a month, oldest first: a publish writes at most this one
//	tries/NAME/plan.json    the plan of a try that failed; of a good one the snapshot's manifest has it
//	tries/NAME/log.txt      what went wrong, whole
//	tries/NAME/CELL/…       report.txt and screenshots of a cell
//
// The folders of tries go after KeepFiles, the records after KeepTries. To read them:
//
//	tries, err := history.Read(ctx, source, since)         // oldest first; nobody has written any: none
//	good, bad := history.Turned(tries)                     // last good try, and the first bad one after it
//	plan, err := history.Plan(ctx, source, bad)            // of either of them
//	t, ok := history.Find(tries, "2026-11-27")             // by night, by day, or by Try.Name
//
// A Try's Suspects are filled by who adds it.
package history

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
)

// How long something is kept.
const (
	KeepTries = 366 * 24 * time.Hour
	KeepFiles = 30 * 24 * time.Hour
)

// A Try is one run of a line that wanted to publish a snapshot.
type Try struct {
	Line     string    `json:"line,omitempty"`
	Snapshot string    `json:"snapshot"`       // or its day, when it failed before it had a name
	At       time.Time `json:"at"`             // when the run began
	First    time.Time `json:"first,omitzero"` // when the first of Times equal runs began, one after the other
	Times    int       `json:"times,omitempty"`
	Millis   int64     `json:"milliseconds,omitempty"` // from its begin to its end, or until it published
	Run      string    `json:"run,omitempty"`          // URL of the workflow's run
	Program  string    `json:"program,omitempty"`      // version of this program
	// Plan is the SHA-256 of the plan's file; empty: it failed before there was one.
	Plan    pipeline.Digest   `json:"plan,omitempty"`
	Commits map[string]string `json:"commits,omitempty"` // by the name of the line's repository
	// Stage is the stage that failed, Cell the first cell of it, and Reason why, in its first lines; all empty: none did.
	Stage  string   `json:"stage"`
	Cell   string   `json:"cell,omitempty"`
	Reason string   `json:"reason"`
	Blamed []string `json:"blamed,omitempty"` // packages that the failure names, the first most likely
	Cells  []Cell   `json:"cells,omitempty"`  // in the order of the matrix
	Stages []Stage  `json:"stages,omitempty"` // in their order
	// Suspects are the commits that may have made it fail, the most likely first.
	Suspects []Suspect `json:"suspects,omitempty"`
	// Files says that tries/NAME/ has files, unless they were removed since.
	Files []string `json:"files,omitempty"` // from there
}

// A Cell is what became of one cell of the matrix.
type Cell struct {
	Name   string         `json:"name"`
	State  pipeline.State `json:"state"` // Done, Reused, Skipped or Failed
	Level  releases.Level `json:"level,omitempty"`
	Detail string         `json:"detail,omitempty"` // why it failed or was skipped, in one line
	// Report is the address of its report, from the repository's root or absolute; empty: there is none.
	Report      string   `json:"report,omitempty"`
	Screenshots []string `json:"screenshots,omitempty"` // the same, of pages of the shop
	With        []string `json:"with,omitempty"`        // tools and images: "php 8.4.1", "mariadb:11.4@sha256:…"
	Pages       []Page   `json:"pages,omitempty"`
	// Otherwise are its screenshots that differ from those of the try before.
	Otherwise []Picture `json:"otherwise,omitempty"`
}

// A Picture is a page of the shop that looks otherwise than before.
type Picture struct {
	Page      string  `json:"page"`
	Share     float64 `json:"share"`  // of the picture, from 0 to 1
	Before    string  `json:"before"` // addresses as those of screenshots
	After     string  `json:"after"`
	BeforeDay string  `json:"before-night"`
}

// A Page is how one page of the shop was made.
type Page struct {
	Name    string `json:"name"` // home page, category, product
	Millis  int64  `json:"milliseconds"`
	Queries int    `json:"queries,omitempty"` // of the database; 0: not counted
}

// A Stage is how long one stage took.
type Stage struct {
	Name   string         `json:"name"`
	State  pipeline.State `json:"state"`
	Millis int64          `json:"milliseconds"`
}

// A Suspect is a commit, or a release of somebody else's package, that may have made a try fail.
type Suspect struct {
	Name   string `json:"name"`             // of the line's repository, or of the package
	Commit string `json:"commit,omitempty"` // none of a package
	Author string `json:"author,omitempty"`
	Title  string `json:"title,omitempty"`
	URL    string `json:"url,omitempty"` // of the pull request, else of the commit
	Why    string `json:"why,omitempty"` // what it touches
}

// Good reports whether nothing failed.
func (t *Try) Good() bool { return t.Stage == "" && t.Reason == "" }

// Began is when the try began, or the first of those that became the same.
func (t *Try) Began() time.Time {
	if t.First.IsZero() {
		return t.At
	}
	return t.First
}

// Name is the name of the try, and of its folder: it sorts by time, and no other try of the target has it.
func (t *Try) Name() string {
	return t.Began().UTC().Format("2006-01-02T150405Z") + "-" + notName.ReplaceAllString(t.Line, "-")
}

var notName = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// Dir is the folder of the try's files.
func (t *Try) Dir() string { return "tries/" + t.Name() }

// Brief is the try without what only a history wants to know.
func (t *Try) Brief() *Try {
	if t == nil {
		return nil
	}
	b := *t
	b.Commits, b.Cells, b.Stages, b.Files = nil, nil, nil, nil
	return &b
}

// The bounds of a record: all of its texts come from what failed.
const (
	maxReason   = 600 // in bytes, as all of these
	maxDetail   = 200
	maxCells    = 100
	maxStages   = 200
	maxCommits  = 500
	maxBlamed   = 10
	maxSuspects = 10
	maxWith     = 12
)

// bounded is the try within its bounds, with nothing in it that is secret.
func (t Try) bounded(clean func(string) string) Try {
	t.At, t.First = t.At.UTC().Truncate(time.Second), t.First.UTC().Truncate(time.Second)
	t.Snapshot, t.Run = shortened(clean(t.Snapshot), maxDetail), shortened(clean(t.Run), maxReason)
	t.Reason, t.Stage, t.Cell = shortened(clean(t.Reason), maxReason), shortened(t.Stage, maxDetail), shortened(t.Cell, maxDetail)
	t.Blamed = texts(t.Blamed, maxBlamed, clean)
	t.Cells = slices.Clone(t.Cells[:min(len(t.Cells), maxCells)])
	for i, c := range t.Cells {
		c.Detail, c.Name, c.With = shortened(firstLine(clean(c.Detail)), maxDetail), shortened(clean(c.Name), maxDetail), texts(c.With, maxWith, clean)
		c.Pages, c.Screenshots = c.Pages[:min(len(c.Pages), maxWith)], texts(c.Screenshots, maxWith, clean)
		c.Otherwise = slices.Clone(c.Otherwise[:min(len(c.Otherwise), maxWith)])
		t.Cells[i] = c
	}
	t.Stages = t.Stages[:min(len(t.Stages), maxStages)]
	t.Suspects = slices.Clone(t.Suspects[:min(len(t.Suspects), maxSuspects)])
	for i, s := range t.Suspects {
		s.Title, s.Author, s.Why = shortened(firstLine(clean(s.Title)), maxDetail), shortened(clean(s.Author), maxDetail), shortened(clean(s.Why), maxDetail)
		t.Suspects[i] = s
	}
	if len(t.Commits) > maxCommits {
		t.Commits = nil // the plan has them
	}
	return t
}

func texts(all []string, most int, clean func(string) string) []string {
	all = slices.Clone(all[:min(len(all), most)])
	for i, text := range all {
		all[i] = shortened(firstLine(clean(text)), maxDetail)
	}
	return all
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// shortened keeps of a text what fits into so many bytes.
func shortened(text string, most int) string {
	text = strings.ToValidUTF8(strings.TrimSpace(text), "?")
	if len(text) <= most {
		return text
	}
	for !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

// String says in one line what became of the try.
func (t *Try) String() string {
	if t.Good() {
		return t.Snapshot + " good"
	}
	return fmt.Sprintf("%s failed in %s: %s", t.Snapshot, t.Stage, firstLine(t.Reason))
}
