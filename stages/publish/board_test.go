package publish

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish/history"
	"github.com/mage-os/nightly/stages/publish/page"
)

// The bars of the board: what a browser has to load before it shows something, and to search in.
const (
	maxBoard  = 150_000 // bytes
	maxNodes  = 3_000
	maxSearch = 50 // milliseconds
)

// boardOf is a repository of so many packages and 14 nights, of a line that has been tried for two months, and is red.
func boardOf(t *testing.T, modules int) (dir, url string) {
	t.Helper()
	dir = t.TempDir()
	for night := range 14 {
		day := time.Date(2026, 11, 1+night, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		mustPublish(t, sample{name: releases.SnapshotName(day), modules: modules - 2, change: day}, dir, nil)
	}
	o := options(t, newMemory(), "2026-11-16")
	for night := range 60 {
		o.Tries = append(o.Tries, aTry(time.Date(2026, 9, 17+night, 3, 0, 0, 0, time.UTC)))
	}
	for i := range 2 { // the last two are red
		e := &o.Tries[len(o.Tries)-1-i]
		c := &e.Cells[5]
		c.State, c.Detail = pipeline.Failed, "setup:install failed"
		e.Stage, e.Cell, e.Reason, e.Blamed = "install", c.Name, "cell "+c.Name+": SQLSTATE[42S02]: Base table or view not found: 1146 Table 'acme_tool' doesn't exist\nnamed by that: acme/module-007", []string{"acme/module-007"}
		e.Suspects = []history.Suspect{
			{Name: "shop", Commit: strings.Repeat("07", 20), Author: "Béa O'Neil", Title: "Create the table in a patch", URL: "https://github.com/acme/shop/pull/123", Why: "touches acme/module-007, which the failure names"},
			{Name: "shop", Commit: strings.Repeat("08", 20), Author: "Ann", Title: "Let the cart forget nothing", URL: "https://github.com/acme/shop/pull/124", Why: "touches what acme/module-007 requires"},
		}
	}
	o.Tries[59].Cells[0].Pages[1].Millis = 1900
	addPictures(&o.Tries[50], &o.Tries[59])
	o.Now = o.Tries[59].At
	for _, tries := range [][]history.Entry{o.Tries[:58], o.Tries[58:]} {
		o.Tries = tries
		if err := o.Tried(t.Context(), dir, testURL, nil); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(Handler(dir))
	t.Cleanup(server.Close)
	return dir, server.URL + "/"
}

// The first view of 390 packages and 14 nights is light, searching is quick, and works by a link.
func TestBoardBars(t *testing.T) {
	t.Parallel()
	dir, url := boardOf(t, 390)
	for _, name := range []string{pageFile, page.PackagesDir + "/index.html"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if t.Logf("%s has %d bytes", name, len(data)); len(data) > maxBoard {
			t.Errorf("%s has %d bytes; want at most %d", name, len(data), maxBoard)
		}
	}
	ctx := browser(t)
	for _, at := range []string{url, url + "pages/index.html?q=modul-12"} {
		do(t, ctx, chromedp.Navigate(at))
		nodes := eval[int](t, ctx, `document.querySelectorAll('*').length`)
		ready := eval[float64](t, ctx, `performance.getEntriesByType('navigation')[0].domInteractive`)
		if t.Logf("%s: %d elements, ready in %.0f ms", strings.TrimPrefix(at, url), nodes, ready); nodes > maxNodes {
			t.Errorf("%s has %d elements; want at most %d", at, nodes, maxNodes)
		}
	}
	if got := eval[string](t, ctx, firstName); !strings.Contains(got, "module-12") {
		t.Errorf("a link with a typo leads to %s", got)
	}
	took := eval[float64](t, ctx, `(() => {
		const search = document.getElementById('search');
		const times = ['c', 'ca', 'modlue', 'modlue-123', 'acme moduel langauge', 'zzzzzzzzzz', ''].map((text) => {
			const began = performance.now();
			search.value = text;
			search.dispatchEvent(new Event('input'));
			document.body.offsetHeight;
			return performance.now() - began;
		});
		return Math.max(...times);
	})()`)
	t.Logf("the slowest search took %.1f ms; want at most %d on a machine that does nothing else", took, maxSearch)
}

// The board fits its width, in both colour schemes; axe-core, where NIGHTLY_AXE names its file, finds nothing.
func TestBoardLooks(t *testing.T) {
	t.Parallel()
	_, url := boardOf(t, 30)
	ctx := browser(t)
	axe, _ := os.ReadFile(os.Getenv("NIGHTLY_AXE"))
	for _, width := range []int64{320, 768, 1440} {
		for _, scheme := range []string{"light", "dark"} {
			call(t, ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
			for name, at := range map[string]string{
				"board": url, "list": url + "pages/index.html", "page": url + "pages/acme/module-000.html", "shot": url + "nights/2026-11-14/index.html",
			} {
				do(t, ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(at))
				if over := eval[float64](t, ctx, `document.documentElement.scrollWidth - window.innerWidth`); over > 0 {
					t.Errorf("%s, %d px, %s: %v px too wide", name, width, scheme, over)
				}
				if len(axe) > 0 {
					eval[any](t, ctx, string(axe)+";1")
					for _, found := range axeFindings(t, ctx) {
						t.Errorf("%s, %d px, %s: %s", name, width, scheme, found)
					}
				}
				keepScreenshot(t, ctx, fmt.Sprintf("%s-%s-%d", name, scheme, width))
			}
		}
	}
}

func axeFindings(t *testing.T, ctx context.Context) []string {
	t.Helper()
	eval[int](t, ctx, `window.found = null; axe.run().then((r) => { window.found = r.violations.map((v) => v.id + ' (' + v.impact + '): ' + v.nodes.slice(0, 3).map((n) => n.target + ' ' + n.html.slice(0, 120)).join(' | ')); }); 1`)
	do(t, ctx, poll(`window.found !== null`))
	return eval[[]string](t, ctx, `window.found`)
}

// addPictures gives two tries pictures of a page that looks otherwise in the second.
func addPictures(before, after *history.Entry) {
	for i, e := range []*history.Entry{before, after} {
		picture := image.NewRGBA(image.Rect(0, 0, 640, 700))
		draw.Draw(picture, picture.Rect, image.NewUniform(color.RGBA{R: 240, G: 240, B: 240, A: 255}), image.Point{}, draw.Src)
		draw.Draw(picture, image.Rect(40, 40, 600-200*i, 160), image.NewUniform(color.RGBA{R: 180, G: 64, B: 10, A: 255}), image.Point{}, draw.Src)
		var b bytes.Buffer
		_ = png.Encode(&b, picture) // into memory
		c := &e.Cells[0]
		at := c.Name + "/" + history.ShotsDir + "/home-page.png"
		c.Screenshots, e.Files[at] = []string{at}, b.Bytes()
	}
}
