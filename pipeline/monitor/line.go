package monitor

import (
	"context"
	"time"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/history"
	"github.com/mage-os/nightly/stages/publish/page"
	"github.com/mage-os/nightly/stages/publish/target"
)

// Line is what the board of several lines says of the one that is published at an address. What
// cannot be read is its problem.
func Line(ctx context.Context, source target.Source, at string, now time.Time) page.Line {
	line := page.Line{Title: at, URL: at}
	s, err := publish.ReadStatus(ctx, source)
	if err == nil {
		line.URL, line.At = s.URL, s.URL
		line.Tries, err = history.Read(ctx, source, now.AddDate(0, -2, 0))
	}
	if err == nil && s.Snapshot != "" {
		var m *releases.Manifest
		if m, _, err = publish.Read(source).Manifest(ctx, s.Snapshot); err == nil {
			line.Title = m.Plan.Line.Title
		}
	}
	if err != nil {
		line.Problem = err.Error()
	}
	return line
}
