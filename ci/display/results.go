package display

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mitchellh/go-wordwrap"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/history"
	"github.com/mage-os/nightly/stages/publish/target"
)

// table writes what became of each stage.
func (d *Run) table() {
	if d.o.JSON {
		return
	}
	var text bytes.Buffer
	out := tabwriter.NewWriter(&text, 0, 8, 2, ' ', 0)
	fmt.Fprintln(out, "\nSTAGE\tTIME\tLAST\tSTATE\tWHAT")
	for _, r := range d.reports {
		took := "-"
		if r.State != pipeline.Skipped {
			took = r.took.Round(10 * time.Millisecond).String()
		}
		detail := r.Detail
		if r.Err != nil {
			detail = "see below"
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\n", r.Stage, took, d.last(r.Stage), r.State, detail)
	}
	fmt.Fprintf(out, "all\t%s\t%s\n", d.o.Now().Sub(d.began).Round(10*time.Millisecond), d.last(""))
	out.Flush()
	fmt.Fprint(d.o.Stdout, d.fitted(text.String()))
}

// fitted breaks the last column of a table at words, so that it fits the terminal.
func (d *Run) fitted(table string) string {
	head, _, _ := strings.Cut(strings.TrimPrefix(table, "\n"), "\n")
	var fitted strings.Builder
	for line := range strings.Lines(table) {
		fitted.WriteString(d.hang(line, strings.LastIndex(head, " ")+1))
	}
	return fitted.String()
}

// minColumn is how wide the last column of a table is at least, if it is broken.
const minColumn = 20

// hang breaks a line at words, so that it fits the terminal and goes on below a column.
// Where there is no terminal, or a narrow one, it gives the line as it is.
func (d *Run) hang(line string, column int) string {
	if width := d.o.Width; width >= column+minColumn && len(line) > width {
		what := wordwrap.WrapString(strings.TrimSuffix(line[column:], "\n"), uint(width-column))
		return line[:column] + strings.ReplaceAll(what, "\n", "\n"+strings.Repeat(" ", column)) + "\n"
	}
	return line
}

// last is how long a stage took when it ran last.
func (d *Run) last(stage string) string {
	if took, ok := d.Last[stage]; ok {
		return took.Round(10 * time.Millisecond).String()
	}
	return "-"
}

// Times are how long each stage took that ran to its end, and under the name "" all, if none
// was skipped or reused: another run is compared with it.
func (d *Run) Times() map[string]time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	times, whole := map[string]time.Duration{}, true
	for _, r := range d.reports {
		if r.State == pipeline.Done {
			times[r.Stage] += r.took
		} else {
			whole = false
		}
	}
	if whole {
		times[""] = d.o.Now().Sub(d.began)
	}
	return times
}

// Stages are how long the stages took that have ended, for the record of the run.
func (d *Run) Stages() []history.Stage {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]history.Stage, len(d.reports))
	for i, r := range d.reports {
		all[i] = history.Stage{Name: r.Stage, State: r.State, Millis: r.took.Milliseconds()}
	}
	return all
}

// Results says where the results of a run lie and what to do with them.
func (d *Run) Results(made nightly.Result, plan string) {
	if d.o.JSON {
		d.resultEvent(made, plan)
		return
	}
	d.Difference()
	w := d.o.Stdout
	fmt.Fprintln(w)
	if made.Shop != "" {
		fmt.Fprintf(w, "Installed shop  %s\n", made.Shop)
		fmt.Fprintf(w, "Report          %s\n", filepath.Join(filepath.Dir(made.Shop), "report", stages.ReportFile))
	}
	if made.Opens {
		fmt.Fprintf(w, "Open it         mageos-nightly shop --line %s\n", made.Plan.Line.Name)
	}
	if made.Matrix != "" {
		fmt.Fprintf(w, "Cells           %s\n", made.Matrix)
	}
	if p := made.Publication; p != nil && !p.DryRun {
		at := whereIs(p.Target)
		fmt.Fprintf(w, "Repository      %s\n", at)
		fmt.Fprintf(w, "%-15s %s/%s\n", capital(p.Snapshot.Kind().String()), strings.TrimRight(at, "/"), p.Snapshot.Dir())
		if made.Plan.Preview != nil {
			fmt.Fprintf(w, "Install it      %s\nEnds on         %s\n", installPreview(made), made.Plan.Preview.Until)
		}
		if _, ok := target.Folder(p.Target); ok {
			fmt.Fprintf(w, "Serve it        mageos-nightly serve %s\n", p.Target)
		}
	}
	fmt.Fprintf(w, "Plan            %s\n", plan)
	command := "nightly"
	if made.Plan.Line.BuildsTags() {
		command = "mirror"
	}
	fmt.Fprintf(w, "Build it again  mageos-nightly %s --plan %s\n", command, plan)
}

func (d *Run) resultEvent(made nightly.Result, plan string) {
	event := map[string]any{"event": "result", "plan": plan, "snapshot": made.Plan.Snapshot(), "shop": made.Shop}
	if made.Snapshot != nil {
		event["tree"] = made.Snapshot.Tree
		event["packages"] = len(made.Snapshot.Packages)
	}
	if made.Publication != nil {
		event["publication"] = made.Publication
	}
	d.Event(event)
}

// installPreview is the command for a new project of a preview that was published.
func installPreview(made nightly.Result) string {
	return fmt.Sprintf("composer create-project --repository=%s %s:%s shop", made.Publication.URL, made.Snapshot.Project, made.Snapshot.Version)
}

func capital(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// whereIs is a target for people: a URL, or the whole path of a folder.
func whereIs(to string) string {
	if folder, ok := target.Folder(to); ok {
		if whole, err := filepath.Abs(folder); err == nil {
			return whole
		}
	}
	return to
}

// Bytes writes a size for people.
func Bytes(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit && prefix < 4 {
		value /= unit
		prefix++
	}
	return fmt.Sprintf("%.1f %cB", value, "kMGTP"[prefix])
}
