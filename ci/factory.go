package ci

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/term"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/releases/composer"
)

// A factory makes what commands need of the machine: it holds the clock, the environment,
// the streams, and the flags that every command has.
type factory struct {
	stdout, stderr io.Writer
	terminal       io.Writer // what stderr writes to
	getenv         func(string) string
	environ        func() []string
	now            func() time.Time
	// wait passes the time between two tries; nil waits in real time.
	wait func(context.Context, time.Duration) error

	auth     composer.Auth // see readAuth
	storeDir string
	ownStore bool   // made for this command alone, which trusts no cache
	page     string // file that a page about the run is added to; see pageFile
	json     bool
	// resultJSON says that the result of the command is wanted as JSON.
	resultJSON bool
	began      bool // the command line is right: what fails now is the command
	verbose    bool

	shown []*display.Run // what was shown of this run, for the page
	said  []string       // more for the page, in Markdown
}

// say adds to the page about the run.
func (env *factory) say(markdown string) { env.said = append(env.said, markdown) }

// display begins to show a run; the page tells of it, too.
func (env *factory) display() *display.Run {
	stdout := env.stdout
	if env.json {
		stdout = untyped(stdout)
	}
	run := display.New(display.Options{
		Stdout: stdout, Stderr: env.stderr, Terminal: env.terminal, Now: env.now, JSON: env.json,
		Bars: env.getenv("TERM") != "dumb", Colour: env.getenv("NO_COLOR") == "", // https://no-color.org
		Width: widthOf(untyped(env.stdout)),
	})
	env.shown = append(env.shown, run)
	return run
}

// widthOf is how many columns a terminal has; 0: it is none.
func widthOf(out io.Writer) int {
	if f, ok := out.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			return width
		}
	}
	return 0
}

// closing closes what a command ran with. That closing failed is the command's error if it
// has no other.
func closing(err *error, show *display.Run, r *runner.Runner) {
	show.Finish()
	if e := r.Close(); *err == nil {
		*err = e
	}
}

// date is the day of a night: always UTC, so that it does not depend on the
// machine.
func (env *factory) date() string { return env.now().UTC().Format(time.DateOnly) }

func (env *factory) storePath() (string, error) {
	dir := env.storeDir
	if dir == "" {
		dir = env.getenv("NIGHTLY_STORE")
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

// makeStore makes a store for this command alone in the folder of the other one, for what
// is to trust nothing that is there. remove takes it away.
func (env *factory) makeStore() (remove func() error, err error) {
	dir, err := env.storePath()
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		dir, err = os.MkdirTemp(dir, "own-")
	}
	if err != nil {
		return nil, usagef("make a store: %w; choose another folder with --store", err)
	}
	env.storeDir, env.ownStore = dir, true
	return func() error { return os.RemoveAll(dir) }, nil
}

func (env *factory) openStore() (*store.Store, string, error) {
	dir, err := env.storePath()
	if err != nil {
		return nil, "", err
	}
	s, err := store.Open(dir)
	if err != nil {
		return nil, "", usagef("%w", err)
	}
	return s, dir, nil
}

// logger writes warnings, or with --verbose everything, to out.
func (env *factory) logger(out io.Writer) *slog.Logger { return env.loggerAt(out, slog.LevelWarn) }

// loggerAt writes what is at least of that level for people, or with --verbose everything.
func (env *factory) loggerAt(out io.Writer, level slog.Level) *slog.Logger {
	if env.verbose {
		return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(&display.LogHandler{Out: out, Level: level})
}
