package ci

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/ci/tools"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/git"
)

// The values of --runner.
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
	f.addProgram(cmd)
	flags.StringVar(&f.image, "install-image", "", "image with PHP and Composer for the test installation in a container: REFERENCE@sha256:…, file:///IMAGE.tar or file:///ROOTFS")
	flags.StringArrayVar(&f.images, "image", nil, "image for something of the matrix, in place of the line's: php:8.3=IMAGE, mariadb:10.6=IMAGE; a search can be stand-in")
	flags.StringArrayVar(&f.others, "engine", nil, "address of one more engine, tcp://HOST:PORT or another, on which cells of the matrix are proven at the same time")
	complete(cmd, "runner", automatic, inContainers, inProcess)
}

func (f *runnerFlags) addProgram(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.binary, "program", "", "this program as a static linux binary for the engine's architecture, or an image that has it as "+container.ProgramPath+" (default: itself, else built with go build)")
}

// imagesOf are the images of a line, with those of the flags in their place.
func (f runnerFlags) imagesOf(line *releases.Line) (nightly.Images, error) {
	return nightly.ImagesOf(line, f.image, f.images)
}

// A place is where stages run, and why there.
type place struct {
	containers bool
	must       bool   // it was asked for by name
	address    string // of the engine
	why        string
}

// choose finds where the stages are to run.
func (f runnerFlags) choose(ctx context.Context, env *factory) (place, error) {
	wanted := f.runner
	if wanted == "" {
		wanted = env.getenv("NIGHTLY_RUNNER")
	}
	switch wanted {
	case inProcess:
		return place{why: "as asked"}, nil
	case inContainers, automatic, "":
	default:
		return place{}, usagef("--runner %s: no such runner; it is container, process or auto", wanted)
	}
	address, found, err := container.Find(ctx, env.getenv)
	switch {
	case err == nil:
		return place{containers: true, must: wanted == inContainers, address: address, why: found}, nil
	case wanted == inContainers:
		return place{}, usagef("%w", err)
	}
	return place{why: "no container engine answers: " + reason(err)}, nil
}

// reason is an engine's error without the ways to get one.
func reason(err error) string {
	var missing *container.EngineError
	if errors.As(err, &missing) {
		return missing.Err.Error()
	}
	return err.Error()
}

// newRunner makes what stages run with in this process.
func (env *factory) newRunner(show *display.Run, fresh bool) (*runner.Runner, error) {
	if err := env.readAuth(); err != nil {
		return nil, err
	}
	s, dir, err := env.openStore()
	if err != nil {
		return nil, err
	}
	s.Warm()
	log := env.logger(show.Logs())
	client, locate := env.client(log), runner.Embedded(filepath.Join(dir, "embedded"))
	return &runner.Runner{
		Store: s, Dir: dir, Trees: s, Fresh: fresh, Received: &runner.Received{},
		Fetcher: composer.NewFetcher(client), Git: git.Options{Client: client, Locate: locate},
		GitProgram: tools.Find("git"), Environ: env.environ(), Now: env.now, Log: log, Progress: show.Step, Report: show.Report,
	}, nil
}

// newRunnerAt makes what stages run with at a place, and says where that is.
func (env *factory) newRunnerAt(ctx context.Context, show *display.Run, f runnerFlags, at place, fresh bool) (*runner.Runner, error) {
	r, err := env.newRunner(show, fresh)
	if err != nil {
		return nil, err
	}
	if !at.containers {
		show.Where(inProcess, at.why)
		return r, nil
	}
	if err := env.connect(ctx, show, r, f, at); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// connect opens the sessions with the engines.
func (env *factory) connect(ctx context.Context, show *display.Run, r *runner.Runner, f runnerFlags, at place) error {
	kept := r.Dir
	if env.ownStore {
		kept = filepath.Dir(kept) // a log is read when the command has ended
	}
	log, err := runner.EngineLog(kept, env.now())
	if err != nil {
		return err
	}
	o := container.Options{
		Address: at.address, Store: r.Store, Results: r.Store.Results(), Dir: filepath.Join(r.Dir, "container"),
		Program:      f.program(filepath.Join(r.Dir, "container")),
		Certificates: container.Certificates(env.getenv), Secrets: env.secrets(),
		Raw: log, LogFile: log.Name(), Log: r.Log, Progress: r.Progress, File: r.Received.Add,
	}
	if env.verbose {
		o.Raw = io.MultiWriter(log, show.Logs())
	}
	o.NoCache = env.ownStore
	if r.Fresh {
		o.Fresh = strconv.FormatInt(env.now().UnixNano(), 36)
	}
	err = r.Connect(ctx, o, f.others)
	switch {
	case err == nil:
	case at.must || r.InContainers():
		return errors.Join(err, log.Close())
	default:
		show.Where(inProcess, "the container engine cannot be used: "+reason(err))
		return log.Close()
	}
	r.OnClose(log)
	for i, engine := range r.Engines {
		also := "and cells of the matrix on "
		if i == 0 {
			also = ""
		}
		show.Where(inContainers, also+engine.Describe())
	}
	return nil
}

// program gives the program that runs in containers.
func (f runnerFlags) program(dir string) func(context.Context, string) (string, error) {
	return func(ctx context.Context, arch string) (string, error) {
		file, err := container.Program(ctx, f.binary, dir, arch)
		if err != nil {
			return "", usagef("%w", err)
		}
		return file, nil
	}
}
