package ci

import (
	"context"
	"errors"
	"io/fs"

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
		return notCompared("our mirror", f.target.to, "--to", err)
	}
	theirs, err := integrity.Open(ctx, f.compare, r.Fetcher)
	if err != nil {
		return notCompared("their mirror", f.compare, "--compare", err)
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

// notCompared is why a side of a comparison cannot be read.
func notCompared(side, at, flag string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return unread(flag, at, err, "give a Composer repository, a folder of zips or an installed shop")
	}
	return &releases.SourceError{Repository: side, URL: at, Err: err}
}
