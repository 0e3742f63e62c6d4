package ci

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/tools"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/images"
	"github.com/mage-os/nightly/stages/install"
)

// installFlags say how far the test installation goes, with what.
type installFlags struct {
	level, search, cell  string
	matrix, services     string
	upgradeFrom          string
	parallel             int
	sampleData, allCells bool
	tests                []string
}

func (f *installFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.level, "level", "", levelHelp)
	flags.StringVar(&f.search, "search", "", "what the shop searches with: none, stand-in or the http:// URL of an OpenSearch or Elasticsearch (default $NIGHTLY_SEARCH, else the line's)")
	flags.StringVar(&f.cell, "cell", "", "prove this cell of the line's matrix, as --matrix names it")
	flags.BoolVar(&f.allCells, "all-cells", false, "prove every cell of the line's matrix in containers (default: the one with the newest PHP and database)")
	flags.StringVar(&f.matrix, "matrix", "", "json: write the matrix for GitHub Actions, after the build, and prove nothing")
	flags.StringVar(&f.services, "services", "", "table of supported services, as mage-os/github-actions has it (default: the program's own)")
	flags.StringVar(&f.upgradeFrom, "upgrade-from", "", "published folder whose newest earlier night is installed and upgraded, too")
	flags.IntVar(&f.parallel, "parallel", max(1, runtime.NumCPU()/2), "cells that are proven at once on each engine")
	flags.BoolVar(&f.sampleData, "sample-data", false, "install the distribution's sample data, too")
	flags.StringSliceVar(&f.tests, "tests", nil, "run these tests of the packages: "+commas(releases.Suites())+" (default: the line's)")
	complete(cmd, "level", levelNames...)
	complete(cmd, "tests", releases.Suites()...)
}

var (
	levelNames = levels()
	levelHelp  = "how much the test installation proves: " + strings.Join(levelNames, ", ") + " (default: the line's)"
)

func levels() []string {
	var names []string
	for _, l := range releases.Levels() {
		names = append(names, string(l))
	}
	return names
}

// check refuses flags that cannot be meant.
func (f installFlags) check() error {
	switch {
	case f.level != "" && !slices.Contains(levelNames, f.level):
		return usagef("--level %s: no such level; the levels are %s", f.level, strings.Join(levelNames, ", "))
	case slices.ContainsFunc(f.tests, func(name string) bool { return !slices.Contains(releases.Suites(), name) }):
		return usagef("--tests %s: want %s", commas(f.tests), commas(releases.Suites()))
	case f.matrix != "" && f.matrix != "json":
		return usagef("--matrix %s: want json", f.matrix)
	case f.search != "" && f.search != releases.NoSearch && f.search != releases.StandInSearch && !isAddress(f.search):
		return usagef("--search %s: want none, stand-in or a URL such as http://127.0.0.1:9200", f.search)
	}
	return nil
}

// isAddress reports whether a text is the address of a search. Behind the wall it has another
// one, for which a certificate would not do.
func isAddress(text string) bool {
	u, _, err := install.Address(text)
	return err == nil && u.Scheme == "http"
}

// options are what is proven, with the images that are run in containers.
func (f installFlags) options(env *factory, named nightly.Images, sign signFlags) (o nightly.ProveOptions, err error) {
	o = nightly.ProveOptions{
		Level: releases.Level(f.level), Cell: f.cell, AllCells: f.allCells, Search: f.search, SampleData: f.sampleData, Tests: f.tests,
		UpgradeFrom: f.upgradeFrom, Parallel: f.parallel, Images: named, Secrets: env.secretsHeld(sign),
	}
	if o.Table, err = images.Carried(); err != nil {
		return o, err
	}
	if f.services != "" {
		data, err := files.Read(f.services, files.Small)
		if err == nil {
			o.Table.Services, err = releases.ParseServices(data)
		}
		if err != nil {
			return o, unread("--services", f.services, err, "leave the flag out, or give a table such as releases/services.json")
		}
	}
	o.Services, err = env.services()
	switch {
	case isAddress(f.search):
		o.Services.Search = f.search
	case f.search != "":
		o.Services.Search = ""
	}
	return o, err
}

// services are the services whose addresses the environment gives: they have passwords.
func (env *factory) services() (s install.Services, err error) {
	if s.Search = env.getenv(runner.SearchVariable); s.Search != "" && !isAddress(s.Search) {
		return s, usagef("%s: want a URL such as http://127.0.0.1:9200", runner.SearchVariable)
	}
	if address := env.getenv(runner.DatabaseVariable); address != "" {
		if s.Database, err = install.ParseDatabase(address); err != nil {
			return s, usagef("%s: %w", runner.DatabaseVariable, err)
		}
	}
	if address := env.getenv(runner.CacheVariable); address != "" {
		if s.Cache, err = install.ParseCache(address); err != nil {
			return s, usagef("%s: %w", runner.CacheVariable, err)
		}
	}
	if address := env.getenv(runner.QueueVariable); address != "" {
		if s.Queue, err = install.ParseQueue(address); err != nil {
			return s, usagef("%s: %w", runner.QueueVariable, err)
		}
	}
	return s, nil
}

// secretVariables may hold what package code must not see.
var secretVariables = []string{
	signKeyVariable, passphraseVariable, deployKey, newsVariable, "GITHUB_TOKEN", "GH_TOKEN", "GH_ENTERPRISE_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", composerAuth, "SSH_AUTH_SOCK",
}

// prepareHere makes sure, before anything is done, that this machine has what the installation
// needs, and a wall around package code: without one a command that holds secrets does not
// install.
func (f installFlags) prepareHere(ctx context.Context, env *factory, allowed bool, line *releases.Line, sign signFlags) error {
	wanted := f.tools(env, line)
	if allowed {
		wanted = append(wanted, tools.Sandbox...)
	}
	if err := env.ensureTools(ctx, allowed, wanted); err != nil {
		return err
	}
	warning, err := runner.Wall(ctx, env.secretsHeld(sign))
	if warning != "" {
		fmt.Fprintln(env.stderr, "warning: "+warning)
	}
	return err
}

// secretsHeld names what the command holds that package code must not see.
func (env *factory) secretsHeld(sign signFlags) []string {
	held := slices.DeleteFunc(slices.Clone(secretVariables), func(name string) bool { return env.getenv(name) == "" })
	for _, name := range proxyVariables {
		if strings.Contains(env.getenv(name), "@") { // a login
			held = append(held, name)
		}
	}
	_ = env.readAuth() // whoever needs it says what is wrong with it
	if !env.auth.IsZero() && env.getenv("GITHUB_TOKEN") == "" && env.getenv(composerAuth) == "" {
		held = append(held, "auth.json or .netrc")
	}
	if len(sign.keys) > 0 {
		held = append(held, "--sign-key")
	}
	return held
}

// tools are the programs that the installation of a line needs in this process.
func (f installFlags) tools(env *factory, line *releases.Line) []tools.Tool {
	level := line.Install.Level
	if f.level != "" {
		level = releases.Level(f.level)
	}
	if level.Includes(releases.Setup) && env.getenv(runner.DatabaseVariable) == "" {
		return slices.Concat(tools.Install, tools.Shop)
	}
	return tools.Install
}
