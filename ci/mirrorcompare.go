package ci

import (
	"context"
	"fmt"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/integrity"
)

// A differenceError says that two mirrors differ.
type differenceError struct{ summary string }

func (e *differenceError) Error() string { return "the mirrors differ: " + e.summary }

// compareMirrors compares the repository of --to with another one.
func compareMirrors(ctx context.Context, w *world, f mirrorFlags) (err error) {
	write, ok := map[string]func(*integrity.Report) ([]byte, error){
		"text":     func(r *integrity.Report) ([]byte, error) { return r.Text(), nil },
		"markdown": func(r *integrity.Report) ([]byte, error) { return r.Markdown(), nil },
		"json":     (*integrity.Report).JSON,
	}[f.format]
	if !ok {
		return &usageError{fmt.Errorf("--format %s: want text, markdown or json", f.format)}
	}
	line, err := loadLine(f.line, nil)
	if err != nil {
		return err
	}
	c, err := newChain(w, false)
	if err != nil {
		return err
	}
	defer c.end(&err)
	ours, err := integrity.Open(ctx, f.to, c.fetcher)
	if err != nil {
		return &releases.SourceError{Repository: "our mirror", URL: f.to, Err: err}
	}
	theirs, err := integrity.Open(ctx, f.compare, c.fetcher)
	if err != nil {
		return &releases.SourceError{Repository: "their mirror", URL: f.compare, Err: err}
	}
	o := integrity.Options{Common: f.common, Progress: c.show.step}
	if !theirs.Whole() {
		o.Vendors = []string{line.Vendor} // a shop has packages from elsewhere, too
	}
	report, err := integrity.Compare(ctx, ours, theirs, o)
	if err != nil {
		return &releases.SourceError{Repository: "one of the mirrors", URL: f.compare, Err: err}
	}
	c.show.finish()
	data, err := write(report)
	if err != nil {
		return err
	}
	if err := writeOut(w.stdout, data); err != nil {
		return err
	}
	if report.Differences() > 0 {
		return &differenceError{report.Summary()}
	}
	return nil
}
