package display

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish"
)

// Changed notes what a dry run would change.
func (d *Run) Changed(change publish.FileChange) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changes = append(d.changes, change)
}

// Difference shows what a dry run would write and remove, by path.
func (d *Run) Difference() {
	slices.SortFunc(d.changes, func(a, b publish.FileChange) int { return strings.Compare(a.Path, b.Path) })
	for _, change := range d.changes {
		switch {
		case d.o.JSON:
			d.Event(map[string]any{"event": "change", "change": change})
		case change.Removed:
			fmt.Fprintf(d.o.Stdout, "- %s\n", change.Path)
		default:
			fmt.Fprintf(d.o.Stdout, "+ %s  %s\n", change.Path, Bytes(change.Bytes))
		}
	}
	d.changes = nil
}

// Target says what became of a target.
func (d *Run) Target(p stages.Publication, err error) error {
	return d.ended(p, err, fmt.Sprintf("%s (%s), current %s", p.Summary(), Bytes(p.Bytes), p.Snapshot.Title()))
}

// Undone says that what was there before is there again.
func (d *Run) Undone(p stages.Publication, err error) error {
	return d.ended(p, err, "given back as it was, "+markdown.Count(p.Added, "file")+" written")
}

// ended ends a run that changed a target, and says how.
func (d *Run) ended(p stages.Publication, err error, how string) error {
	d.Finish()
	if err != nil {
		return &pipeline.StageError{Stage: publish.Name, Err: err}
	}
	d.Difference()
	if d.o.JSON {
		d.Event(map[string]any{"event": "publication", "publication": p})
		return nil
	}
	_, err = fmt.Fprintf(d.o.Stdout, "\n%s: %s\n", p.Target, how)
	return err
}
