package main

import (
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

	storeDir string
	json     bool
	verbose  bool
}

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
			return "", &usageError{err}
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
func (w *world) logger(out io.Writer) *slog.Logger {
	level := slog.LevelWarn
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
