// Package install is the test installation: Composer creates the project and
// installs it from the snapshot's folder, served on loopback; from level setup on
// a shop is set up with a database and a search, compiled, asked for its pages
// and deployed.
//
// Everything that it writes lies below its work folder. It
// reads no environment and no clock but what it is handed. What it starts, it
// ends; what an earlier run that was killed left behind, it ends first.
package install

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

const stageName = "install"

// Options are what the stage needs beside its input. Nothing here decides what is
// proven: that belongs into stages.Candidate, which is the key of a saved result and
// goes into containers.
type Options struct {
	// Store holds the snapshot's tree, and gets that of the report.
	Store pipeline.Store
	// Dir is the work folder. It is emptied at the start, if an earlier run made
	// it, and the project ends in Dir/shop. Logs are in Dir/logs, the report in
	// Dir/report, also when the installation fails.
	Dir string
	// Locate gives the folder of an embedded: URL.
	Locate   func(url string) (dir string, err error)
	Log      *slog.Logger
	Progress pipeline.Progress
	// Programs are the programs to run; an empty path is looked for in PATH.
	Programs Programs
	// Services are where a database and a search run already.
	Services Services
	// Previous serves, at the root of any host, a Composer repository with the
	// earlier snapshot of the candidate's Upgrade; nil if there is none.
	Previous http.Handler
	// Now is the clock for the times of the report; nil leaves them out.
	Now func() time.Time
	// Gateway is the URL of a gateway (package gateway), through which Composer reads
	// third-party repositories; empty: one of the stage's own, with the logins of Client.
	Gateway string
	Client  remote.Client
	// Web is the host:port at which the shop serves; empty: one that is free.
	Web string
	// Opened, unless nil, is called when all is proven, while the shop serves; the stage ends after it.
	Opened func(ctx context.Context, address string) error
	// Environ is the caller's environment, as os.Environ gives it. The programs
	// see only PATH of it.
	Environ []string
}

// Stage is the test installation. It fails with a *MachineError when this
// machine or a service is at fault and not the snapshot.
func Stage(o Options) pipeline.Stage[stages.Candidate, stages.Installation] {
	return pipeline.Stage[stages.Candidate, stages.Installation]{
		Name: stageName, Version: 5,
		Run: func(ctx context.Context, c stages.Candidate) (stages.Installation, error) {
			return run(ctx, o, c)
		},
	}
}

// withDefaults fills in what may be missing.
func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(pipeline.Step) {}
	}
	if o.Now == nil {
		o.Now = func() time.Time { return time.Time{} }
	}
	return o
}

func run(ctx context.Context, o Options, c stages.Candidate) (installed stages.Installation, err error) {
	o, c.Install.Level = o.withDefaults(), cmp.Or(c.Install.Level, releases.Installed)
	programs, err := find(o.Programs)
	if err != nil {
		return stages.Installation{}, err
	}
	dir, err := openFolder(ctx, o)
	if err != nil {
		return stages.Installation{}, machine(err)
	}
	defer dir.close()
	handler, err := stages.SnapshotHandler(o.Store, c.Snapshot)
	if err != nil {
		return stages.Installation{}, machine(err)
	}
	stop, address, err := listenAndServe(c.Snapshot.Name.Title(), handler)
	if err != nil {
		return stages.Installation{}, err
	}
	defer func() { _ = stop() }() // its clients have ended
	s := &shop{options: o, candidate: c, programs: programs, dir: dir, folder: mainProject, base: "http://" + address + "/"}
	failed := s.openGateway(ctx)
	if failed == nil {
		failed = s.install(ctx)
	}
	if err := s.end(ctx); failed == nil {
		failed = err
	}
	return s.finish(ctx, machine(failed))
}

// finish writes the report, of a failure too, and gives the installation.
func (s *shop) finish(ctx context.Context, failed error) (stages.Installation, error) {
	if names := s.untouched(); len(names) > 0 {
		s.skip("packages", "%d of the snapshot were not installed: %s", len(names), strings.Join(names, ", "))
	}
	made := stages.Installation{
		Proven: s.proven, NotProven: s.notProven, Steps: s.steps, Notices: s.notices(), Packages: s.packages, Tests: s.tests,
	}.Of(s.candidate)
	if ctx.Err() != nil {
		return stages.Installation{}, failed
	}
	tree, err := s.report(ctx, made, failed)
	if err != nil {
		return stages.Installation{}, errors.Join(failed, err)
	}
	if failed != nil {
		return stages.Installation{}, fmt.Errorf("%w\nreport: %s", failed, s.dir.path("report/"+stages.ReportFile))
	}
	made.Report = tree
	return made, nil
}

// mainProject is the folder of the project that the candidate is installed as.
const mainProject = "shop"

// install proves one level after the other.
func (s *shop) install(ctx context.Context) error {
	if _, err := s.thirdParty(); err != nil {
		return err
	}
	if err := s.writeConfig(); err != nil {
		return err
	}
	levels := map[releases.Level][]step{
		releases.Resolve:   {s.createProject, s.pointAtSnapshot, s.resolve, s.checkResolved, s.extension, s.editions},
		releases.Installed: {s.installPackages, s.checkPackages, s.checkFiles, s.platform, s.runScripts, s.unitTests},
		releases.Setup:     {s.startServices, s.sampleData, s.setUp, s.modules, s.status, s.reindex},
		releases.Compile:   {s.compile},
		releases.Shop:      {s.seed, s.startWeb, s.pages, s.screenshots},
		releases.Deploy:    {s.deploy, s.deployedPages},
	}
	for level, steps := range levels {
		if s.candidate.Install.Level.Includes(level) {
			s.total += int64(len(steps))
		}
	}
	for _, level := range releases.Levels() {
		if !s.candidate.Install.Level.Includes(level) {
			break
		}
		s.now = level
		if err := inOrder(ctx, s.counted(levels[level])...); err != nil {
			return &LevelError{Level: level, Err: err}
		}
	}
	if s.candidate.Judge != "" {
		if _, err := s.run(ctx, command{step: stages.JudgeStep, dir: s.project(), args: []string{"/bin/sh", "-c", s.candidate.Judge}}); err != nil {
			return err
		}
	}
	if s.candidate.Install.Level == releases.Installed {
		if err := s.plainPage(); err != nil {
			return err
		}
	}
	if s.options.Opened != nil {
		return s.open(ctx)
	}
	if s.candidate.Upgrade.Snapshot != "" {
		if err := s.upgrade(ctx); err != nil {
			return err
		}
	}
	if s.red != nil {
		return &LevelError{Level: releases.Installed, Err: s.red}
	}
	return nil
}

// A step proves one thing, or goes before one that does.
type step = func(context.Context) error

// counted are steps that count how many are done.
func (s *shop) counted(steps []step) []step {
	all := make([]step, len(steps))
	for i, next := range steps {
		all[i] = func(ctx context.Context) error {
			defer func() { s.done++ }()
			return next(ctx)
		}
	}
	return all
}

func inOrder(ctx context.Context, steps ...step) error {
	for _, next := range steps {
		if err := next(ctx); err != nil {
			return err
		}
	}
	return nil
}

// end ends what was started, the last first, and looks for what is left.
func (s *shop) end(ctx context.Context) error {
	var errs []error
	for len(s.ending) > 0 {
		last := len(s.ending) - 1
		stop := s.ending[last]
		s.ending = s.ending[:last]
		errs = append(errs, stop())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return s.leftovers(context.WithoutCancel(ctx))
}

// atEnd has something ended when the installation ends, however it does.
func (s *shop) atEnd(stop func() error) { s.ending = append(s.ending, stop) }
