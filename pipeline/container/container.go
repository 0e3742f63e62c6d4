// Package container runs stages of this program in containers, through a
// Dagger engine. It is the only package that imports Dagger.
//
// Remote turns a stage into one of the same type and with the same keys, whose
// Run hands the input to "mageos-nightly stage NAME" in a container. What a stage reads and
// writes travels between containers as stores (package store), in Dagger
// directories that never touch this machine's disk. A result that is saved here
// names trees by our own digests only. Which step made a tree is saved beside
// it: when the tree is needed again its step is evaluated again, which is a hit
// in the engine's cache or, on a new engine, a rerun from the saved input.
package container

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"dagger.io/dagger"

	"github.com/mage-os/nightly/pipeline"
)

// Options say how an engine is reached and what containers get.
type Options struct {
	// Address is where the engine is, in the forms that Dagger's
	// _EXPERIMENTAL_DAGGER_RUNNER_HOST takes. Empty: within dagger run.
	Address string
	// Store is this machine's: trees that are needed here are put there, and
	// trees that only it has are sent from there.
	Store pipeline.Store
	// Results keeps which step made a tree.
	Results pipeline.Results
	// Dir is a folder of this machine. What is on its way lies there, in a folder
	// for each session, which Close removes.
	Dir string
	// Program gives the path of this program as a static linux binary for an
	// architecture, as Go names it; nil: no stage is run.
	Program func(ctx context.Context, arch string) (path string, err error)
	// Certificates is a file with the CA certificates for containers that have no
	// base image; empty: they have none.
	Certificates string
	// Secrets are what stages get beside their input.
	Secrets []Secret
	// Fresh, unless empty, is a text of this run alone: the engine then runs every
	// step instead of taking it from its cache.
	Fresh string
	// NoCache gives stages an empty folder in place of the cache that the engine keeps
	// for them.
	NoCache bool
	// Raw gets everything that Dagger says, and LogFile is where that can be read
	// afterwards, for messages.
	Raw     io.Writer
	LogFile string
	// Log and Progress get what stages say in their containers; nil for none.
	Log      *slog.Logger
	Progress pipeline.Progress
	// File gets a file that a failed stage sends beside its result; nil for
	// none.
	File func(name string, data []byte)
}

// A Secret is given to the containers of the named stages. Its value is in no
// argument, no layer and no key of the engine's cache: a token that is renewed
// every hour makes nothing run anew.
type Secret struct {
	// Name is that of the environment variable in the container.
	Name string
	// Value is the secret, or the content of the file.
	Value string
	// File says that the variable holds the path of a file with the secret.
	File   bool
	Stages []string
}

// String implements fmt.Stringer: a secret does not print.
func (s Secret) String() string { return s.Name + "=redacted" }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// An Engine is a session with a Dagger engine. It is safe for several
// goroutines; the caller closes it.
type Engine struct {
	options  Options
	dir      string // for what is on its way
	client   *dagger.Client
	platform dagger.Platform
	version  string
	program  *dagger.File
	lost     atomic.Bool // the engine has gone

	mu     sync.Mutex
	places map[pipeline.Digest]*dagger.Directory // where a tree lies in this session
}

// Connect opens a session. An engine that cannot be reached is an *EngineError,
// which says how to get one.
func Connect(ctx context.Context, o Options) (*Engine, error) {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.File == nil {
		o.File = func(string, []byte) {}
	}
	o.Raw = cmp.Or(o.Raw, io.Discard)
	if err := Dial(ctx, o.Address); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for inputs of containers: %w", err)
	}
	dir, err := os.MkdirTemp(o.Dir, "session-")
	if err != nil {
		return nil, fmt.Errorf("make the folder for inputs of containers: %w", err)
	}
	e := &Engine{options: o, dir: dir, places: map[pipeline.Digest]*dagger.Directory{}}
	// The session ends with the context of Connect; ours is ended by Close, so
	// that a cancelled step can still be told to the engine.
	if e.client, err = dagger.Connect(context.WithoutCancel(ctx), e.settings()...); err != nil {
		return nil, errors.Join(&EngineError{Address: o.Address, Err: err}, os.RemoveAll(dir))
	}
	if err := e.begin(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *Engine) settings() []dagger.ClientOpt {
	settings := []dagger.ClientOpt{
		dagger.WithLogOutput(&logWriter{options: e.options}),
		dagger.WithEnvironmentVariable("NO_COLOR", "1"),
		dagger.WithEnvironmentVariable("DO_NOT_TRACK", "1"),
		dagger.WithEnvironmentVariable("DAGGER_PROGRESS", "plain"),
		// Else it removes all of Docker's engines that are of another version, whoever uses them.
		dagger.WithEnvironmentVariable("DAGGER_LEAVE_OLD_ENGINE", "1"),
	}
	if e.options.Address != "" {
		settings = append(settings, dagger.WithRunnerHost(e.options.Address))
	}
	for _, s := range e.options.Secrets {
		settings = append(settings, dagger.WithEnvironmentVariable(secretVariable+s.Name, s.Value))
	}
	return settings
}

// answer bounds how long an engine may take for its first answer: it may have to
// be fetched and started by Docker first, which Connect waits for.
const answer = time.Minute

// begin learns what the engine runs on.
func (e *Engine) begin(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	var err error
	if e.version, err = e.client.Version(limited); err == nil {
		e.platform, err = e.client.DefaultPlatform(limited)
	}
	if err == nil && e.version != Version {
		err = fmt.Errorf("it is of version %s, and this program's library of %s: engines promise nothing to others; start one of that version", e.version, Version)
	}
	if err != nil {
		return &EngineError{Address: e.options.Address, Err: err}
	}
	if e.options.Program == nil {
		return nil
	}
	file, err := e.options.Program(ctx, architecture(e.platform))
	switch {
	case err != nil:
		return err
	case filepath.IsAbs(file):
		e.program = e.client.Host().File(file)
		return nil
	}
	image, err := e.image(file)
	if err != nil {
		return err
	}
	e.program = image.File(programPath)
	_, err = prepare(ctx, e, step{Stage: "program"}, Service{Image: file}, e.program.Sync)
	return err
}

// farewell bounds the end of a session. Dagger's own process waits five minutes
// for an engine that has gone.
const farewell = 10 * time.Second

// Close ends the session and with it all containers that still run.
func (e *Engine) Close() error {
	err := e.end()
	return errors.Join(err, os.RemoveAll(e.dir))
}

func (e *Engine) end() error {
	ended := make(chan error, 1)
	go func() { ended <- e.client.Close() }()
	wait := farewell
	if e.lost.Load() {
		wait = time.Second // there is nobody to end it with
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case err := <-ended:
		if err != nil && !e.lost.Load() {
			return fmt.Errorf("end the session with the engine: %w", err)
		}
	case <-timer.C:
		e.options.Log.Info("the engine did not end the session in time", slog.Duration("waited", wait))
		endSession()
	}
	return nil
}

// Describe says in a few words which engine it is.
func (e *Engine) Describe() string {
	return fmt.Sprintf("Dagger engine %s (%s, %s)", e.version, cmp.Or(e.options.Address, "of dagger run"), e.platform)
}
