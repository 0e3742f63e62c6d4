// Package install is the test installation: Composer creates the project and
// installs it from the night's folder, served on loopback, and PHP loads it.
//
// Everything that it writes lies below its work folder and Composer's cache. It
// reads no environment but what it is handed.
package install

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages"
)

const stageName = "install"

// Options are what the stage needs beside its input.
type Options struct {
	// Store holds the night's tree.
	Store pipeline.Reader
	// Dir is the work folder. It is emptied at the start, if an earlier run made
	// it, and the project ends in Dir/shop. Logs are in Dir/logs.
	Dir string
	// Cache is Composer's cache folder, kept between runs; empty: Dir/cache,
	// which is not kept.
	Cache string
	// Locate gives the folder of an embedded: URL.
	Locate   func(url string) (dir string, err error)
	Log      *slog.Logger
	Progress pipeline.Progress
	// PHP and Composer are paths of the programs; empty: found in PATH.
	PHP, Composer string
	// Environ is the caller's environment, as os.Environ gives it. The programs
	// see only PATH and the proxies of it.
	Environ []string
}

// Stage is the test installation. It fails with a *MachineError when this
// machine is at fault and not the night.
func Stage(o Options) pipeline.Stage[stages.Candidate, stages.Installation] {
	return pipeline.Stage[stages.Candidate, stages.Installation]{
		Name: stageName, Version: 1,
		Run: func(ctx context.Context, c stages.Candidate) (stages.Installation, error) {
			return run(ctx, o, c)
		},
	}
}

func run(ctx context.Context, o Options, c stages.Candidate) (stages.Installation, error) {
	programs, err := find(o.PHP, o.Composer)
	if err != nil {
		return stages.Installation{}, err
	}
	dir, err := openFolder(ctx, o)
	if err != nil {
		return stages.Installation{}, machine(err)
	}
	defer dir.close()
	server, err := serve(o.Store, c.Night)
	if err != nil {
		return stages.Installation{}, machine(err)
	}
	defer server.close()
	s := &shop{options: o, candidate: c, programs: programs, dir: dir, base: server.base}
	defer s.forgetCache()
	installed, err := s.install(ctx)
	if err != nil {
		return stages.Installation{}, machine(err)
	}
	return installed, nil
}

// A shop is one installation while it is made.
type shop struct {
	options   Options
	candidate stages.Candidate
	programs  programs
	dir       *folder
	base      string // URL of the served night, with a slash at its end
	steps     int    // commands run so far
	proven    []stages.Proof
}

func (s *shop) install(ctx context.Context) (stages.Installation, error) {
	if _, err := s.thirdParty(); err != nil {
		return stages.Installation{}, err
	}
	if err := s.writeConfig(); err != nil {
		return stages.Installation{}, err
	}
	if err := s.createProject(ctx); err != nil {
		return stages.Installation{}, err
	}
	if err := s.pointAtNight(); err != nil {
		return stages.Installation{}, err
	}
	if err := s.installPackages(ctx); err != nil {
		return stages.Installation{}, err
	}
	packages, err := s.checkPackages(ctx)
	if err != nil {
		return stages.Installation{}, err
	}
	if err := s.runScripts(ctx); err != nil {
		return stages.Installation{}, err
	}
	return stages.Installation{
		Night: s.candidate.Night.Name, Tools: s.candidate.Tools, Proven: s.proven, Packages: packages,
	}, nil
}

func (s *shop) prove(step, format string, values ...any) {
	s.proven = append(s.proven, stages.Proof{Step: step, Detail: fmt.Sprintf(format, values...)})
}

// project is the folder of the installed project.
func (s *shop) project() string { return s.dir.path("shop") }

func (s *shop) cache() string {
	if s.options.Cache == "" {
		return s.dir.path("cache")
	}
	return s.options.Cache
}

// forgetCache removes from Composer's cache what came from this night. The cache
// goes by URL and the port is another each time, so nobody would use it again.
func (s *shop) forgetCache() {
	stale := []string{filepath.Join(s.cache(), "repo", cacheName(s.base))}
	for _, p := range s.candidate.Night.Packages {
		stale = append(stale, filepath.Join(s.cache(), "files", filepath.FromSlash(p.Name)))
	}
	for _, path := range stale {
		if err := os.RemoveAll(path); err != nil && s.options.Log != nil {
			s.options.Log.Warn("cannot remove from Composer's cache", "path", path, "error", err)
		}
	}
}
