package ci

import (
	"context"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/integrity"
)

// compareMirrors compares the repository of --to with another one.
func compareMirrors(ctx context.Context, env *factory, f mirrorFlags) (err error) {
	line, err := loadLine(f.line, nil)
	if err != nil {
		return err
	}
	f.target.of(line)
	show := env.display()
	r, err := env.newRunner(show, false)
	if err != nil {
		return err
	}
	defer closing(&err, show, r)
	ours, err := integrity.Open(ctx, f.target.to, r.Fetcher)
	if err != nil {
		return &releases.SourceError{Repository: "our mirror", URL: f.target.to, Err: err}
	}
	theirs, err := integrity.Open(ctx, f.compare, r.Fetcher)
	if err != nil {
		return &releases.SourceError{Repository: "their mirror", URL: f.compare, Err: err}
	}
	o := integrity.Options{Common: f.common, Progress: show.Step}
	if !theirs.Whole {
		o.Vendors = []string{line.Vendor} // a shop has packages from elsewhere, too
	}
	report, err := integrity.Compare(ctx, ours, theirs, o)
	if err != nil {
		return &releases.SourceError{Repository: "one of the mirrors", URL: f.compare, Err: err}
	}
	show.Finish()
	if err := env.write(report, f.result.format); err != nil {
		return err
	}
	if report.Differences() > 0 {
		return coded(exitDiffers, "the mirrors differ: %s", report.Summary())
	}
	return nil
}
