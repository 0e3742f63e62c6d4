package releases

import (
	"strings"
	"testing"
	"time"
)

func TestPreviewPlan(t *testing.T) {
	id := strings.Repeat("a", 40)
	plan := func(change func(*Plan)) *Plan {
		p := &Plan{
			Date: "2026-11-24", Preview: &PlannedPreview{Label: "pr123-pr45", Until: "2026-12-01"},
			Line: Line{Name: "nightly", Repositories: []Repository{{Name: "shop"}}},
			Repositories: []PlannedRepository{{Name: "shop", URL: "https://github.com/acme/shop.git", Ref: "refs/heads/main", Commit: id, Merged: []Merged{
				{Title: "acme/shop#123", URL: "https://github.com/acme/shop.git", Ref: "refs/pull/123/head", Commit: strings.Repeat("b", 40)},
				{Title: "ada/shop@fix", URL: "https://github.com/ada/shop.git", Ref: "refs/heads/fix", Commit: id},
			}}},
		}
		change(p)
		return p
	}
	good := plan(func(*Plan) {})
	if err := good.Validate(); err != nil || good.Snapshot() != "preview-2026-11-24" || good.Local() || good.WorkTree() {
		t.Errorf("%v: %s, local %v, work tree %v", err, good.Snapshot(), good.Local(), good.WorkTree())
	}
	if got, want := good.PreviewTitle(), "preview of acme/shop#123 at bbbbbbbbbb, ada/shop@fix at aaaaaaaaaa; no night, ends on 2026-12-01"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
	for i, want := range []string{"https://github.com/acme/shop/pull/123", "https://github.com/ada/shop/commit/" + id} {
		if got := good.Merged()[i].Page(); got != want {
			t.Errorf("page %q, want %q", got, want)
		}
	}
	for want, change := range map[string]func(*Plan){
		"is of no preview":          func(p *Plan) { p.Preview = nil },
		"label \"PR 1\"":            func(p *Plan) { p.Preview.Label = "PR 1" },
		"date \"soon\"":             func(p *Plan) { p.Preview.Until = "soon" },
		"only branches have":        func(p *Plan) { p.Adopted = true },
		"\"acme/shop#123\" is merg": func(p *Plan) { p.Repositories[0].Merged[0].Commit = "main" },
	} {
		if err := plan(change).Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
	last := time.Date(2026, 12, 1, 23, 59, 0, 0, time.UTC)
	if good.Preview.Ended(last) || !good.Preview.Ended(last.Add(time.Minute)) {
		t.Error("it ends with its last day")
	}
}
