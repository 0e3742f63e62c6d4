package ci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// The runners.
const (
	inContainers = "container"
	inProcess    = "process"
	automatic    = "auto"
)

// runnerFlags say where stages run.
type runnerFlags struct {
	runner string
	binary string
	image  string
	images []string // NAME=IMAGE
	others []string // addresses of more engines
}

func (f *runnerFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.runner, "runner", "", "where stages run: container, process, or auto: in containers where an engine answers (default $NIGHTLY_RUNNER, else auto)")
	flags.StringVar(&f.binary, "stage-binary", "", "this program as a static linux binary for the engine's architecture (default: itself, else built with go build)")
	flags.StringVar(&f.image, "install-image", "", "image with PHP and Composer for the test installation in a container: REFERENCE@sha256:…, file:///IMAGE.tar or file:///ROOTFS")
	flags.StringArrayVar(&f.images, "image", nil, "image for something of the matrix, in place of the line's: php:8.3=IMAGE, mariadb:10.6=IMAGE; a search can be stand-in")
	flags.StringArrayVar(&f.others, "engine", nil, "address of one more engine, tcp://HOST:PORT or another, on which cells of the matrix are proven at the same time")
	// An error here is a misspelt flag name, which the tests would show.
	_ = cmd.RegisterFlagCompletionFunc("runner", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{automatic, inContainers, inProcess}, cobra.ShellCompDirectiveNoFileComp
	})
}

// A runner is where stages run, and why there.
type runner struct {
	containers bool
	address    string
	why        string
}

// choose finds where the stages are to run.
func (f runnerFlags) choose(ctx context.Context, w *world) (runner, error) {
	wanted := f.runner
	if wanted == "" {
		wanted = w.getenv("NIGHTLY_RUNNER")
	}
	switch wanted {
	case inProcess:
		return runner{why: "as asked"}, nil
	case inContainers, automatic, "":
	default:
		return runner{}, &usageError{fmt.Errorf("--runner %s: no such runner; it is container, process or auto", wanted)}
	}
	address, found, err := w.findEngine(ctx)
	switch {
	case err == nil:
		return runner{containers: true, address: address, why: found}, nil
	case wanted == inContainers:
		return runner{}, &usageError{err}
	}
	return runner{why: "no container engine answers: " + reason(err)}, nil
}

// reason is an engine's error without the ways to get one.
func reason(err error) string {
	var missing *container.EngineError
	if errors.As(err, &missing) {
		return missing.Err.Error()
	}
	return err.Error()
}

// start chooses where the stages run, and goes there.
func (c *chain) start(ctx context.Context, f runnerFlags) error {
	where, err := f.choose(ctx, c.world)
	if err != nil {
		return err
	}
	return c.useRunner(ctx, f, where, c.session.Fresh)
}

// useRunner connects the chain to the engine, if there is one, and says where
// stages run.
func (c *chain) useRunner(ctx context.Context, f runnerFlags, r runner, fresh bool) error {
	if !r.containers {
		c.show.runner(inProcess, r.why)
		return nil
	}
	o, err := c.engineOptions(f, r.address, fresh)
	if err != nil {
		return err
	}
	engine, err := container.Connect(ctx, o)
	if err != nil && f.runner != inContainers && c.world.getenv("NIGHTLY_RUNNER") != inContainers {
		c.show.runner(inProcess, "the container engine cannot be used: "+reason(err))
		return nil
	}
	if err != nil {
		return err
	}
	c.engine, c.trees, c.session.Store = engine, engine.Store(), engine.Store()
	c.show.runner(inContainers, engine.Describe())
	return c.useOthers(ctx, f, o)
}

// engineOptions are what every engine gets.
func (c *chain) engineOptions(f runnerFlags, address string, fresh bool) (container.Options, error) {
	log, err := c.world.engineLog(c.dir)
	if err != nil {
		return container.Options{}, err
	}
	c.engineLog = log
	o := container.Options{
		Address: address, Store: c.store, Results: c.store.Results(), Dir: filepath.Join(c.dir, "container"),
		Program:      func(ctx context.Context, arch string) (string, error) { return stageBinary(ctx, f.binary, c.dir, arch) },
		Certificates: c.world.certificates(), Secrets: c.world.secrets(),
		Raw: log, LogFile: log.Name(), Log: c.log, Progress: c.progress, File: c.takeFile,
	}
	if c.world.verbose {
		o.Raw = io.MultiWriter(log, c.show.logs())
	}
	if fresh {
		o.Fresh = strconv.FormatInt(c.world.now().UnixNano(), 36)
	}
	return o, nil
}

// remote is the stage in a container, where there is an engine.
func remote[In, Out any](c *chain, stage pipeline.Stage[In, Out], needs func(In) (container.Needs, error)) pipeline.Stage[In, Out] {
	if c.engine == nil {
		return stage
	}
	return container.Remote(c.engine, stage, needs)
}

// checkoutNeeds are the repositories that lie on this machine.
func checkoutNeeds(in stages.Checkout) (container.Needs, error) {
	var n container.Needs
	var errs []error
	for _, pin := range in.Pins {
		dir, ok := localFolder(pin.URL)
		if !ok {
			continue
		}
		folders, err := container.Repository(dir)
		if err != nil {
			errs = append(errs, &releases.SourceError{Repository: pin.Name, URL: pin.URL, Err: err})
		}
		n.Folders = append(n.Folders, folders...)
	}
	return n, errors.Join(errs...)
}

// composerNeeds are the Composer repositories that lie on this machine.
func composerNeeds(repositories []releases.ComposerRepository) container.Needs {
	var n container.Needs
	for _, r := range repositories {
		if dir, ok := localFolder(r.URL); ok {
			n.Folders = append(n.Folders, container.Folder{Path: dir})
		}
	}
	return n
}

// localFolder gives the folder of a file:// URL.
func localFolder(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "file" {
		return "", false
	}
	return filepath.Clean(filepath.FromSlash(u.Path)), true
}

// keptLogs is how many logs of engines are kept.
const keptLogs = 20

// engineLog opens a file for everything that the engine says.
func (w *world) engineLog(store string) (*os.File, error) {
	dir := filepath.Join(store, "logs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of logs: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(dir, "engine-*.log")) // in order of their time
	if err != nil {
		return nil, err
	}
	for _, file := range old[:max(0, len(old)-keptLogs+1)] {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("remove an old log: %w", err)
		}
	}
	stamp := strings.NewReplacer(":", "", "-", "").Replace(w.now().UTC().Format(time.RFC3339))
	f, err := os.CreateTemp(dir, "engine-"+stamp+"-*.log")
	if err != nil {
		return nil, fmt.Errorf("make the log of the engine: %w", err)
	}
	return f, nil
}

// runner says where stages run, and why there.
func (d *display) runner(name, why string) {
	if d.world.json {
		d.writeJSON(map[string]string{"event": "runner", "runner": name, "why": why})
		return
	}
	fmt.Fprintf(d.logs(), "%-12s %s: %s\n", "runner", name, why)
}
