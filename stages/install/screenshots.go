package install

import (
	"context"
	"os"
	"path/filepath"

	"github.com/mage-os/nightly/stages"
)

// screenshots are taken of the storefront, for people. They are no condition.
func (s *shop) screenshots(ctx context.Context) error {
	chromium := locate(s.options.Programs.Chromium, "chromium", "chromium-browser", "google-chrome")
	if chromium == "" {
		s.skip("screenshots", "this machine has no chromium")
		return nil
	}
	dir := s.dir.path(filepath.Join("report", stages.ScreenshotsDir))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	taken := 0
	for _, p := range shopPages() {
		if !p.shown || p.search && s.search.address == "" {
			continue
		}
		file := filepath.Join(dir, fileName(p.name)+".png")
		args := []string{chromium, "--headless", "--disable-gpu", "--hide-scrollbars", "--window-size=1280,1400", "--timeout=120000",
			"--user-data-dir=" + s.dir.path("tmp/chromium"), "--screenshot=" + file}
		if os.Geteuid() == 0 {
			args = append(args, "--no-sandbox") // it refuses to run as root with one
		}
		_, err := s.run(ctx, command{step: "screenshot " + p.name, dir: s.dir.path("tmp"), args: append(args, s.url(p.path))})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || !exists(file) {
			s.skip("screenshot "+p.name, "chromium took none; see logs")
			continue
		}
		taken++
	}
	s.prove("screenshots", "%d pages", taken)
	return nil
}
