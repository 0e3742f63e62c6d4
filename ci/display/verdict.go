package display

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/stages"
)

// maxVerdict is how wide a reason in a verdict may be; all of it stands below.
const maxVerdict = 160

// verdict is what came of a command, in one line: whether it failed, where and by what,
// in how many cells it was proven, and as what it was published.
func verdict(runs []*Run, failed error) string {
	text := "Green"
	if failed != nil {
		text = "Red" + reason(failed)
	}
	var parts []string
	for _, d := range runs {
		if proven, all := len(d.Result.Installations), d.cells(); all > 0 {
			parts = append(parts, fmt.Sprintf("%d of %s", proven, markdown.Count(all, "cell")))
		}
		switch made := d.Result.Publication; {
		case made != nil && made.DryRun:
			parts = append(parts, "would be published as "+made.Snapshot.Title())
		case made != nil:
			parts = append(parts, "published as "+made.Snapshot.Title())
		case d.Result.Snapshot != nil || failed != nil && d.Result.Plan != nil:
			parts = append(parts, "not published")
		}
	}
	if len(parts) == 0 {
		return text
	}
	if failed != nil {
		return text + "; " + strings.Join(parts, ", ")
	}
	return text + ": " + strings.Join(parts, ", ")
}

// reason is where something failed, and the packages that are named by it, or else the
// first line of what went wrong.
func reason(failed error) string {
	where := ""
	var stage *pipeline.StageError
	if errors.As(failed, &stage) {
		name, cell, _ := strings.Cut(stage.Stage, " ")
		if where = " at " + name; cell != "" {
			where += " in " + cell
		}
		failed = stage.Err
	}
	what := stages.Blamed(failed.Error())
	if what == "" {
		what, _, _ = strings.Cut(failed.Error(), "\n")
	}
	return where + ": " + runewidth.Truncate(what, maxVerdict, "…")
}

// cells counts those that were proven, and those that were not.
func (d *Run) cells() int {
	without := map[string]bool{}
	for _, r := range d.reports {
		if kind, cell, ok := strings.Cut(r.Stage, " "); ok && (kind == "install" || kind == "images") && (r.State == pipeline.Failed || r.State == pipeline.Skipped) {
			without[cell] = true
		}
	}
	return len(without) + len(d.Result.Installations)
}
