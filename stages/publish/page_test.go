package publish

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/page"
)

// browser starts a headless Chromium; the test is skipped where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("no chromium to look at the page with: %v", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true)) // the others are among the defaults
	// It is closed after the test; a browser that hangs is not to hold up all tests.
	limited, cancelLimit := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	ctx, cancelAllocator := chromedp.NewExecAllocator(limited, options...)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("close the browser: %v", err)
		}
		cancel()
		cancelAllocator()
		cancelLimit()
	})
	return ctx
}

// A told history is the same for all commits.
type told []compare.Commit

func (h told) Between(context.Context, string, string, string) ([]compare.Commit, error) {
	return h, nil
}

var commits = told{
	{ID: strings.Repeat("a4", 20), Subject: "Merge pull request #123 from acme/fix-the-cart", Author: "Ann"},
	{ID: strings.Repeat("a3", 20), Subject: "Let the cart forget <b>nothing</b> & no-one (#124)", Author: "Béa O'Neil"},
	{ID: strings.Repeat("a2", 20), Subject: strings.Repeat("A subject that is very long ", 6) + strings.Repeat("x", 90), Author: "Cem"},
}

// published serves a repository of some nights, as a command would: three nights, and one
// that was taken back; and other snapshots.
func published(t *testing.T, modules int, others ...sample) string {
	t.Helper()
	dir := t.TempDir()
	var o Options
	for i, s := range append(others, []sample{
		{name: "2026-11-22", modules: 2}, {name: "2026-11-23", modules: 1, commit: "a2"},
		{name: "2026-11-24", modules: modules, commit: "a4"}, {name: "2026-11-25", modules: modules, commit: "a5"},
	}...) {
		store := newMemory()
		snapshot := s.build(t, store)
		o = options(t, store, s.name)
		o.History = commits
		if _, err := Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: snapshot, To: dir}); err != nil {
			t.Fatal(i, err)
		}
	}
	if _, err := o.Rollback(t.Context(), Rollback{To: dir, Snapshot: "2026-11-24"}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(Handler(dir))
	t.Cleanup(server.Close)
	return server.URL + "/"
}

const (
	shownRows = `[...document.querySelectorAll('#list > li')].filter((e) => e.checkVisibility()).length`
	shownText = `document.getElementById('count').textContent`
	firstName = `[...document.querySelectorAll('#list > li')].find((e) => e.checkVisibility()).querySelector('.name').textContent`
)

// A package of a mirror has hundreds of versions: the newest are shown, and the others counted.
func TestPackagesOfManyVersions(t *testing.T) {
	newest := &releases.Manifest{Snapshot: "2026-02-19", Packages: []releases.ManifestPackage{{Name: "mage-os/a", Version: "1.50.0"}, {Name: "mage-os/b", Version: "1.0.0"}}}
	a1, b1 := releases.IndexedFile{Name: "mage-os/a"}, releases.IndexedFile{Name: "mage-os/b"}
	gone := releases.IndexedFile{Name: "mage-os/c", Versions: []releases.IndexedVersion{{Version: "0.1.0", Snapshots: []releases.SnapshotName{"2026-01-03"}}}}
	var all []releases.SnapshotName
	for i := 50; i > 0; i-- {
		name := releases.SnapshotName(time.Date(2026, 1, i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
		all = append(all, name)
		a1.Versions = append(a1.Versions, releases.IndexedVersion{Version: fmt.Sprintf("1.%d.0", i), Snapshots: []releases.SnapshotName{name}})
	}
	b1.Versions = []releases.IndexedVersion{{Version: "1.0.0", Snapshots: all}}
	text := `{"minified":"composer/2.0","packages":{"mage-os/b":[{"name":"mage-os/b","description":"B & more","license":"OSL-3.0","require":{"mage-os/a":"^1"}},{"description":"old"}]}}`
	r := &repository{metadata: &metadata{index: &releases.Index{Files: []releases.IndexedFile{a1, b1, gone}}, files: map[string][]byte{"mage-os/b.json": []byte(text)}}}
	found := r.packagesOf(newest)
	a, b := found[0], found[1]
	if len(a.Versions) != page.ShownVersions || a.Older != 50-page.ShownVersions || a.Versions[0].Version != "1.50.0" {
		t.Errorf("of 50 versions %d are shown and %d counted: %v", len(a.Versions), a.Older, a.Versions)
	}
	if len(b.Versions) != 1 || b.Versions[0].Others != 49 || b.Older != 0 || b.Description != "B & more" || !cmp.Equal(b.License, []string{"OSL-3.0"}) || len(b.Requires) != 1 {
		t.Errorf("of one version: %+v", b)
	}
	if found[2].Gone != "2026-01-03" {
		t.Errorf("what is gone: %+v", found[2])
	}
}

func TestPageInBrowser(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	url := published(t, 60)
	do(t, ctx, chromedp.Navigate(url))
	var got []any
	eval[int](t, ctx, `Object.defineProperty(navigator, 'clipboard', {value: {writeText: async (text) => { window.copied = text; }}}); 1`)
	do(t, ctx, chromedp.Click(chromedp.CSS("#install button")), poll(`document.querySelector('#install button').textContent === 'Copied'`))
	got = append(got, eval[string](t, ctx, "window.copied"), eval[string](t, ctx, `document.getElementById('copied').textContent`))
	do(t, ctx, chromedp.Click(chromedp.CSS("#search")), chromedp.KeyEvent("module-00"))
	navigated(t, ctx, chromedp.KeyEvent("\r"))
	got = append(got, eval[string](t, ctx, "location.search"), eval[string](t, ctx, shownText))
	do(t, ctx, chromedp.Navigate(url+"pages/index.html"))
	got = append(got, eval[int](t, ctx, shownRows))
	do(t, ctx, chromedp.KeyEvent("/"), poll(`document.activeElement.id === 'search'`)) // a slash leads to the search, which forgives a typo
	eval[string](t, ctx, `document.getElementById('search').value = ''`)
	do(t, ctx, chromedp.KeyEvent("langauge"))
	got = append(got, eval[string](t, ctx, firstName), eval[string](t, ctx, "location.search"))
	do(t, ctx, chromedp.KeyEvent(" nothing like this"))
	got = append(got, eval[int](t, ctx, shownRows))
	do(t, ctx, chromedp.Click(chromedp.CSS("#clear")))
	got = append(got, eval[int](t, ctx, shownRows))
	do(t, ctx, chromedp.Navigate(url+"pages/acme/language.html"))
	got = append(got, eval[string](t, ctx, `document.querySelector('.command code').textContent`))
	want := []any{
		"composer create-project --repository=" + url + " acme/project-shop:2.4.8-alpha20261124 shop", "Copied to the clipboard",
		"?q=module-00", "10 of 62 packages", 62, "acme/language", "?q=langauge", 0, 62, "composer require acme/language:1.0.0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Where the page is served over plain HTTP there is no clipboard API.
func TestPageCopiesWithoutClipboardAPI(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	do(t, ctx, chromedp.Navigate(published(t, 1)))
	eval[int](t, ctx, `Object.defineProperty(window, 'isSecureContext', {value: false});
		document.addEventListener('copy', () => { window.copied = document.activeElement.value; }); 1`)
	do(t, ctx, chromedp.Click(chromedp.CSS("#configure button")), poll(`document.querySelector('#configure button').textContent === 'Copied'`))
	if got := eval[string](t, ctx, "window.copied"); !strings.HasPrefix(got, "composer config repositories.nightly composer http://127.0.0.1:") {
		t.Errorf("copied %q", got)
	}
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func eval[T any](t *testing.T, ctx context.Context, script string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return v
}

// navigated does what leads to another page, and waits for that.
func navigated(t *testing.T, ctx context.Context, step chromedp.Action[chromedp.Void]) {
	t.Helper()
	from := eval[string](t, ctx, "location.pathname")
	do(t, ctx, step)
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		at, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.readyState === 'complete' ? location.pathname : ''`))
		if err == nil && at != "" && at != from {
			return
		}
	}
	t.Fatal("no other page came")
}

// poll waits until a condition holds.
func poll(condition string) chromedp.Action[chromedp.Void] {
	return chromedp.Poll[chromedp.Void](condition)
}

// The page fits its width from a phone to a desktop, in both colour schemes, and
// shows the list without scripts too.
func TestPageLooks(t *testing.T) {
	t.Parallel()
	url, mixed := published(t, 60), published(t, 1, sample{name: "3.0.0", modules: 2}, sample{name: "3.1.0", modules: 3}, sample{name: "mirror-2026-11-24.1", modules: 1})
	ctx := browser(t)
	grounds := map[string]string{}
	for _, width := range []int64{320, 768, 1440} {
		for _, scheme := range []string{"light", "dark"} {
			call(t, ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			})
			for name, at := range map[string]string{
				"repository": url, "night": url + "nights/2026-11-24/index.html", "oldest": url + "nights/2026-11-22/index.html",
				"packages": url + "pages/index.html", "package": url + "pages/acme/module-000.html",
				"mixed": mixed, "release": mixed + "releases/3.1.0/index.html", "addition": mixed + "mirror/2026-11-24.1/index.html",
			} {
				do(t, ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(at))
				over := eval[float64](t, ctx, `for (const d of document.querySelectorAll('details')) { d.before = d.open; d.open = true; } document.documentElement.scrollWidth - window.innerWidth`)
				grounds[scheme] = eval[string](t, ctx, `getComputedStyle(document.body).backgroundColor`)
				if over > 0 {
					t.Errorf("%s, %d px, %s: %v px too wide", name, width, scheme, over)
				}
				eval[int](t, ctx, `for (const d of document.querySelectorAll('details')) d.open = d.before; 1`)
				keepScreenshot(t, ctx, fmt.Sprintf("%s-%s-%d", name, scheme, width))
			}
		}
	}
	if grounds["light"] == grounds["dark"] {
		t.Errorf("light and dark have the same ground %s", grounds["light"])
	}
	call(t, ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	do(t, ctx, chromedp.Navigate(url+"pages/index.html"))
	got := []any{
		eval[int](t, ctx, shownRows), eval[int](t, ctx, `document.querySelectorAll('.command button').length`),
		eval[bool](t, ctx, `document.getElementById('search').checkVisibility()`),
	}
	if diff := cmp.Diff([]any{62, 0, false}, got); diff != "" {
		t.Error("without scripts:", diff)
	}
}

func call[P, R any](t *testing.T, ctx context.Context, cmd cdp.Command[P, R], params P) {
	t.Helper()
	if _, err := chromedp.Call(ctx, cmd, params); err != nil {
		t.Fatal(err)
	}
}

// keepScreenshot writes a picture to the folder that NIGHTLY_SCREENSHOTS names,
// for a person to look at.
func keepScreenshot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("NIGHTLY_SCREENSHOTS")
	if dir == "" {
		return
	}
	size := eval[[]int64](t, ctx, "window.scrollTo({top: 0, behavior: 'instant'}); [window.innerWidth, Math.min(document.documentElement.scrollHeight, 2600)]")
	do(t, ctx, chromedp.EmulateViewport(size[0], size[1]))
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}
