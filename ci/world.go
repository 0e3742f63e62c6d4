package ci

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/mage-os/nightly/pipeline/store"
)

// A world is what the program takes from outside: the clock, the environment,
// the streams, and the flags that every command has.
type world struct {
	stdout, stderr io.Writer
	getenv         func(string) string
	environ        func() []string
	now            func() time.Time
	// wait passes the time that GitHub asks for; nil waits in real time.
	wait func(context.Context, time.Duration) error

	storeDir string
	page     string // file that a page about the run is added to; see pageFile
	json     bool
	verbose  bool

	shown []*display // what was shown of this run, for the page
	said  []string   // more for the page, in Markdown
}

// say adds to the page about the run.
func (w *world) say(markdown string) { w.said = append(w.said, markdown) }

// date is the day of a night: always UTC, so that it does not depend on the
// machine.
func (w *world) date() string { return w.now().UTC().Format(time.DateOnly) }

func (w *world) storePath() (string, error) {
	dir := w.storeDir
	if dir == "" {
		dir = w.getenv("NIGHTLY_STORE")
	}
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", usagef("%w", err)
		}
		dir = filepath.Join(cache, "mage-os-nightly")
	}
	return filepath.Abs(dir)
}

func (w *world) openStore() (*store.Store, string, error) {
	dir, err := w.storePath()
	if err != nil {
		return nil, "", err
	}
	s, err := store.Open(dir)
	return s, dir, err
}

// logger writes warnings, or with --verbose everything, to out.
func (w *world) logger(out io.Writer) *slog.Logger { return w.loggerAt(out, slog.LevelWarn) }

// loggerAt writes what is at least of that level, or with --verbose everything.
func (w *world) loggerAt(out io.Writer, level slog.Level) *slog.Logger {
	if w.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level}))
}

// token gives the secret for a git host, or nothing. It goes to that host only.
func (w *world) token(host string) string {
	if host != "github.com" {
		return ""
	}
	return w.getenv("GITHUB_TOKEN")
}
