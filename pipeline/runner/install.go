package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/gateway"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/install"
)

// The variables by which an installation is told of the services that run already, in this
// process and in a container.
const (
	DatabaseVariable = "NIGHTLY_DATABASE"
	SearchVariable   = "NIGHTLY_SEARCH"
	CacheVariable    = "NIGHTLY_CACHE"
	QueueVariable    = "NIGHTLY_QUEUE"
	GatewayVariable  = "NIGHTLY_GATEWAY"
	// PreviousVariable is the folder in which a container has the published repository with
	// the earlier night.
	PreviousVariable = "NIGHTLY_PREVIOUS"
	// WebVariable is the host:port at which the shop of an installation serves that stays open, and
	// KeyVariable the key without which a container lets nobody in.
	WebVariable = "NIGHTLY_WEB"
	KeyVariable = "NIGHTLY_WEB_KEY"
)

// StandInCommand is the command that serves the search stand-in.
const StandInCommand = "search-stand-in"

// GatewayCommand is the command that serves a gateway to Composer repositories.
const GatewayCommand = "composer-gateway"

// gatewayPort is where it listens in a container.
const gatewayPort = 8080

// WorkInContainer is where a container has its test installation, in a folder of its needs, and
// WorkVariable tells it.
const (
	WorkInContainer = "/nightly/work/install"
	WorkVariable    = "NIGHTLY_WORK_FOLDER"
)

// InstallOptions are those of a test installation in this process, in the folder work.
func (r *Runner) InstallOptions(work string) install.Options {
	return install.Options{
		Store: r.Trees, Dir: work, Now: r.Now,
		Locate: r.Git.Locate, Client: r.Git.Client, Log: r.Log, Progress: r.Progress, Environ: r.Environ,
	}
}

// webSocket is the socket in the folder of an installation by which its open shop is reached.
const webSocket = "web.sock"

// Open makes options those of an installation whose shop stays open, if the environment says so.
func Open(o *install.Options) {
	if o.Web = container.Passed(o.Environ, WebVariable)[WebVariable]; o.Web == "" {
		return
	}
	o.Opened = func(ctx context.Context, address string) error {
		return container.Expose(ctx, filepath.Join(o.Dir, webSocket), address)
	}
}

// A Toolbox is the input of asking an image for its tools.
type Toolbox struct {
	Image string `json:"image"`
	// Database says that it is one of a database, and else of PHP.
	Database bool `json:"database"`
}

// ToolVersions are the tools of an image.
type ToolVersions struct {
	Tools []stages.Tool `json:"tools"`
}

// Tools asks for the versions of the programs that the installation is proven with. It is
// no stage of a run: a tag or a file can hold another image at any time, so that only the
// engine knows whether it has the answer.
func Tools() pipeline.Stage[Toolbox, ToolVersions] {
	return pipeline.Stage[Toolbox, ToolVersions]{Name: "tools", Version: 1, Always: true,
		Run: func(ctx context.Context, in Toolbox) (ToolVersions, error) {
			if in.Database {
				tool, err := install.DatabaseTool(ctx)
				return ToolVersions{[]stages.Tool{tool}}, err
			}
			tools, err := install.Tools(ctx)
			return ToolVersions{tools}, err
		}}
}

// Wall fails where package code would run on this machine beside secrets, which are named;
// where there is nothing to keep from it, it may warn.
func Wall(ctx context.Context, secrets []string) (warning string, err error) {
	why := container.FindSandbox(ctx)
	switch {
	case why == nil:
		return "", nil
	case len(secrets) == 0:
		return fmt.Sprintf("the code of all packages runs as you, with your rights, and no later run takes what it proves: %v", why), nil
	}
	return "", config.Errorf("the code of all packages would run beside %s, which it could read: %w; or let an engine run it (--runner container), "+
		"or prove on a machine without secrets (nightly --write-proofs) and publish on this one (publish --proofs)", strings.Join(secrets, ", "), why)
}

// Install is the test installation of this machine behind a Wall: with the services that run
// already, and the earlier snapshot to upgrade in the folder previous.
func (r *Runner) Install(o install.Options, previous string, secrets []string) pipeline.Stage[stages.Candidate, stages.Installation] {
	sandbox := &container.Sandbox{Store: r.Trees, Dir: r.Dir, Options: container.Options{Raw: io.Discard, Log: r.Log, Progress: o.Progress}}
	stage := install.Stage(o)
	stage.Run = func(ctx context.Context, in stages.Candidate) (made stages.Installation, err error) { // a saved result runs no code
		warning, err := Wall(ctx, secrets)
		if err != nil {
			return made, err
		}
		switch {
		case warning != "" && o.Gateway != "": // in a container, which has the rights to build a wall
			return made, &install.MachineError{Err: errors.New("the image has nothing to build a wall around package code with"), Do: "name one that has bubblewrap and setpriv, as the program's own have: " + warning}
		case warning != "":
			return install.Stage(o).Run(ctx, in)
		}
		o := o
		if o.Gateway == "" {
			var stop func() error
			if o.Gateway, stop, err = gateway.Serve(ctx, r.Gateway(in.Composer)); err != nil {
				return made, err
			}
			defer func() { err = errors.Join(err, stop()) }()
		}
		if key := container.Passed(r.Environ, KeyVariable)[KeyVariable]; key != "" {
			let, stop := context.WithCancel(ctx)
			defer stop()
			go container.LetIn(let, filepath.Join(o.Dir, webSocket), key, r.Log)
		}
		made, err = container.Walled(sandbox, install.Stage(o), o.Dir, func(in stages.Candidate) (container.Needs, error) {
			return r.sandboxNeeds(in, o, previous)
		}).Run(ctx, in)
		return made.Of(in), err
	}
	return stage
}

// Gateway is a gateway to Composer repositories, which keeps dists: package code must not
// be able to write to the store.
func (r *Runner) Gateway(repositories []releases.ComposerRepository) gateway.Options {
	return gateway.Options{Repositories: repositories, Client: r.Git.Client, Cache: r.Store.Cache("composer"), Log: r.Log}
}

// GatewaySidecar is the gateway of an installation in a container, which it adds to its
// needs: it has the logins that the installation must not see, and its cache.
func GatewaySidecar(n *container.Needs, repositories []releases.ComposerRepository) {
	args := []string{GatewayCommand, "--address", ":" + strconv.Itoa(gatewayPort)}
	for _, r := range repositories {
		args = append(args, "--repository", r.URL)
	}
	n.Env[GatewayVariable] = "http://gateway:" + strconv.Itoa(gatewayPort)
	n.Services = append(n.Services, container.Service{
		Name: "gateway", Args: args, Port: gatewayPort, Secrets: GatewayCommand, Folders: slices.Clone(n.Folders),
	})
}

// sandboxNeeds are what the installation sees of this machine beside its system.
func (r *Runner) sandboxNeeds(in stages.Candidate, o install.Options, previous string) (container.Needs, error) {
	n := ComposerNeeds(in.Composer)
	n.Env = container.Passed(r.Environ, "PATH", WebVariable)
	services := map[string]string{GatewayVariable: o.Gateway}
	if in.Install.Level.Includes(releases.Setup) {
		maps.Copy(services, container.Passed(r.Environ, DatabaseVariable, CacheVariable, QueueVariable))
		services[SearchVariable] = o.Services.Search
	}
	for _, variable := range slices.Sorted(maps.Keys(services)) {
		if services[variable] == "" {
			continue
		}
		address, outside, err := install.Address(services[variable])
		if err != nil {
			return n, fmt.Errorf("%s: %w", variable, err)
		}
		door := container.DoorTo(len(n.Doors), outside)
		address.Host = door.Inside
		n.Env[variable], n.Doors = address.String(), append(n.Doors, door)
	}
	for _, repository := range in.Composer {
		// Over plain HTTP Composer reads loopback alone; see package install.
		if u, outside, err := install.Address(repository.URL); err == nil && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()) {
			n.Doors = append(n.Doors, container.Door{Inside: outside, Outside: outside})
		}
	}
	for _, dir := range filepath.SplitList(n.Env["PATH"]) {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil || !filepath.IsAbs(dir) || strings.HasPrefix(real+"/", "/usr/") {
			continue // of the system, as /sbin is, which bubblewrap does not mount over a link
		}
		if info, err := os.Stat(real); err == nil && info.IsDir() {
			n.Folders = append(n.Folders, container.Folder{Path: dir})
		}
	}
	if previous == "" {
		return n, nil
	}
	dir, err := filepath.Abs(previous)
	n.Env[PreviousVariable] = dir
	n.Folders = append(n.Folders, container.Folder{Path: dir})
	return n, err
}
