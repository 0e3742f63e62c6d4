package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish/history"
)

// A Board is the front page of a repository: how the nights of its line went, and what it has.
type Board struct {
	head
	Of       *releases.Manifest // the newest snapshot that is resolved
	Base     string             // URL of the repository
	Kinds    []Kind
	Packages int
	Changes  *compare.Result // nil: nothing to compare with
	Notes    []releases.Note
	Rebuilt  *attest.Rebuilds // of the newest snapshot; nil: nobody is asked to build it again
	Root     string           // URL of the root by which it is signed; empty: it is not
	// Tries are those of about two months, oldest first, and At is the URL below which their files lie: a copy of the
	// repository has none of them.
	Tries []*history.Try
	At    string
}

// A Kind is the snapshots of one kind, newest first.
type Kind struct {
	Kind      releases.SnapshotKind
	Snapshots []Snapshot
}

// A Snapshot is one of the repository: the newest that is resolved is current, others are kept, or withdrawn.
type Snapshot struct {
	Name  releases.SnapshotName
	State string
}

// shownSnapshots is how many snapshots of a kind a board shows.
const shownSnapshots = 30

// Shown are the newest of the kind.
func (k Kind) Shown() []Snapshot { return k.Snapshots[:min(len(k.Snapshots), shownSnapshots)] }

// Older is how many are not shown.
func (k Kind) Older() int { return len(k.Snapshots) - len(k.Shown()) }

// Draw draws the board.
func (b Board) Draw() ([]byte, error) {
	b.head = inline(copyScript, boardScript)
	b.Policy = strings.Replace(b.Policy, "img-src 'self'", "img-src 'self' "+b.At, 1)
	return draw("board.html", b)
}

// RootFile is where the root lies in a project.
func (b Board) RootFile() (string, error) { return releases.TrustFile(b.Base) }

// Install gets the line's project; empty: it has none.
func (b Board) Install() string { return install(b.Of, b.Base) }

// A Verdict says how a line is.
type Verdict struct {
	State string       // good, bad or none
	Since time.Time    // of State
	Tries int          // bad ones, one after the other
	Last  *history.Try // nil: none was told
	Good  *history.Try // last good one; nil: there is none
	First *history.Try // bad one since then; nil: none is
}

// VerdictOf judges a line by its tries, oldest first.
func VerdictOf(tries []*history.Try) Verdict {
	v := Verdict{State: "none"}
	if len(tries) == 0 {
		return v
	}
	v.Last = tries[len(tries)-1]
	v.Good, v.First = history.Turned(tries)
	if v.First != nil {
		v.State, v.Since = "bad", v.First.Began()
		for i := len(tries) - 1; i >= 0 && !tries[i].Good(); i-- {
			v.Tries += max(tries[i].Times, 1)
		}
		return v
	}
	v.State, v.Since = "good", v.Last.Began()
	for i := len(tries) - 1; i >= 0 && tries[i].Good(); i-- {
		v.Since = tries[i].Began()
	}
	return v
}

// Verdict is that of the board's line.
func (b Board) Verdict() Verdict { return VerdictOf(b.Tries) }

// web is the address of something on the web without a user in it.
var web = compare.WebURL

// Where is the address of a file of a try, or of a cell's report; empty: it is kept no longer, or never was.
func (b Board) Where(t *history.Try, file string) string {
	if n := len(b.Tries); file == "" || n > 0 && b.Tries[n-1].At.Sub(t.Began()) > history.KeepFiles {
		return ""
	}
	if strings.Contains(file, "://") {
		return web(file)
	}
	return b.At + file
}

// Log is the address of the log of a try that failed; empty: there is none.
func (b Board) Log(t *history.Try) string { return b.kept(t, history.LogFile) }

// Plan is the address of the plan of a try that failed; empty: there is none.
func (b Board) Plan(t *history.Try) string { return b.kept(t, history.PlanFile) }

func (b Board) kept(t *history.Try, file string) string {
	if !slices.Contains(t.Files, file) {
		return ""
	}
	return b.Where(t, t.Dir()+"/"+file)
}

// Has reports whether a snapshot is there to be linked.
func (b Board) Has(name string) bool {
	return slices.ContainsFunc(b.Kinds, func(k Kind) bool {
		return slices.ContainsFunc(k.Snapshots, func(s Snapshot) bool { return string(s.Name) == name })
	})
}

// shownDays is how many days a grid shows.
const shownDays = 60

// A Grid is what became of each cell on each day.
type Grid struct {
	Months []Month
	Days   []time.Time
	Rows   []Row
}

// A Month is the head of the days of one.
type Month struct {
	Name string
	Days int
}

// A Row is a cell of the matrix, or all of the night.
type Row struct {
	Name  string
	Marks []Mark
}

// A Mark is what became of one cell on one day. Its sign tells that without a colour.
type Mark struct{ Class, Sign, Title, URL string }

// marks are the signs of what can become of a cell; the first letter of its class is the one of the state.
var marks = map[pipeline.State]Mark{
	pipeline.Done:    {Class: "g", Sign: "✓", Title: "good"},
	pipeline.Reused:  {Class: "g", Sign: "✓", Title: "good, as before"},
	pipeline.Failed:  {Class: "f", Sign: "✕", Title: "failed"},
	pipeline.Skipped: {Class: "s", Sign: "–", Title: "skipped"},
}

// Grid is that of the last days until the last try; of several tries on a day the last counts.
func (b Board) Grid() Grid {
	var g Grid
	if len(b.Tries) == 0 {
		return g
	}
	last := map[string]*history.Try{}
	var names []string
	for _, t := range slices.Backward(b.Tries) {
		day := t.Began().UTC().Format(time.DateOnly)
		last[day] = cmp.Or(last[day], t)
		for _, c := range t.Cells {
			if !slices.Contains(names, c.Name) {
				names = append(names, c.Name)
			}
		}
	}
	slices.Sort(names)
	end := b.Tries[len(b.Tries)-1].Began().UTC().Truncate(24 * time.Hour)
	for i := shownDays - 1; i >= 0; i-- {
		day := end.AddDate(0, 0, -i)
		g.Days = append(g.Days, day)
		if month := day.Format("January"); len(g.Months) > 0 && g.Months[len(g.Months)-1].Name == month {
			g.Months[len(g.Months)-1].Days++
		} else {
			g.Months = append(g.Months, Month{month, 1})
		}
	}
	for _, name := range append([]string{""}, names...) {
		row := Row{Name: cmp.Or(name, "whole run")}
		for _, day := range g.Days {
			row.Marks = append(row.Marks, b.mark(last[day.Format(time.DateOnly)], name, day))
		}
		g.Rows = append(g.Rows, row)
	}
	return g
}

// mark is the result of a cell in a try, or of all cells without a name; nil if there was no try that day.
func (b Board) mark(t *history.Try, name string, day time.Time) Mark {
	if t == nil {
		return Mark{Sign: "·"}
	}
	var m Mark
	if name == "" {
		if m = marks[pipeline.Done]; !t.Good() {
			m = marks[pipeline.Failed]
		}
		switch {
		case !t.Good():
			m.URL = cmp.Or(b.Log(t), web(t.Run))
		case b.Has(t.Snapshot):
			m.URL = releases.SnapshotName(t.Snapshot).Dir() + "/index.html"
		default:
			m.URL = web(t.Run)
		}
	} else if i := slices.IndexFunc(t.Cells, func(c history.Cell) bool { return c.Name == name }); i >= 0 {
		m = marks[t.Cells[i].State]
		m.URL = b.Where(t, t.Cells[i].Report)
	} else {
		return Mark{Sign: "·"}
	}
	m.Title = day.Format("Jan 2") + ": " + m.Title
	return m
}

// Shots are the screenshots of the last try that has some, by cell.
func (b Board) Shots() *history.Try {
	for _, t := range slices.Backward(b.Tries) {
		if slices.ContainsFunc(t.Cells, func(c history.Cell) bool { return len(c.Screenshots) > 0 && b.Where(t, c.Screenshots[0]) != "" }) {
			return t
		}
	}
	return nil
}

// Took is how long a try took, for people.
func (b Board) Took(t *history.Try) string {
	return (time.Duration(t.Millis) * time.Millisecond).Round(time.Second).String()
}

// shownCommits is how many commits of one repository a board shows; the page of the snapshot has all.
const shownCommits = 10

// FirstCommits are the first of some commits.
func (b Board) FirstCommits(all []compare.Commit) []compare.Commit {
	return all[:min(len(all), shownCommits)]
}

// MoreCommits is how many others there are.
func (b Board) MoreCommits(all []compare.Commit) int { return max(0, len(all)-shownCommits) }

// String is the verdict in a few words.
func (v Verdict) String() string {
	switch v.State {
	case "good":
		return "Green since " + v.Since.UTC().Format(time.DateOnly)
	case "bad":
		return fmt.Sprintf("Red since %s", v.Since.UTC().Format(time.DateOnly))
	}
	return "No run was told yet"
}

// shownStrip is how many days the board of several lines shows of each.
const shownStrip = 30

// Strip is the whole runs of the last days.
func (b Board) Strip() []Mark {
	if len(b.Tries) == 0 {
		return nil
	}
	marks := b.Grid().Rows[0].Marks
	return marks[len(marks)-shownStrip:]
}
