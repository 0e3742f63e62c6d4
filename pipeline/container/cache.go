package container

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"

	"dagger.io/dagger"
)

// daemons are the programs in which Dagger runs its engine, in the order in which it looks
// for them.
var daemons = []string{"docker", "podman", "nerdctl"}

// containerName begins the names of all containers in which Dagger runs engines.
const containerName = "dagger-engine-"

// Visit opens a session with the engine of an environment, as Find gives it, in which no
// stage is run. Where none runs it does nothing, and starts none.
func Visit(ctx context.Context, getenv func(string) string, visit func(*Engine) error) (err error) {
	address, _, err := Find(ctx, getenv)
	if err != nil {
		return nil // there is none
	}
	if address == Image && !slices.ContainsFunc(daemons, func(program string) bool {
		return slices.Contains(contained(ctx, program), containerName+Version)
	}) {
		return nil
	}
	dir, err := os.MkdirTemp("", "engine-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	engine, err := Connect(ctx, Options{Address: address, Dir: dir})
	if err != nil {
		return err
	}
	return errors.Join(visit(engine), engine.Close())
}

// contained are the containers of engines that a program runs.
func contained(ctx context.Context, program string) []string {
	ctx, cancel := context.WithTimeout(ctx, daemonTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "ps", "--format", "{{.Names}}").Output()
	if err != nil {
		return nil // it is not here, or runs nothing
	}
	return slices.DeleteFunc(strings.Fields(string(out)), func(name string) bool { return !strings.HasPrefix(name, containerName) })
}

// Others are the engines of other versions that run on this machine in Docker, or a program
// like it, each as the command that removes it with its cache.
func Others(ctx context.Context) (removals []string) {
	for _, program := range daemons {
		for _, name := range contained(ctx, program) {
			if name != containerName+Version {
				removals = append(removals, program+" rm --force --volumes "+name)
			}
		}
	}
	return removals
}

// Disk says how much of its disk the engine's cache takes, and how much it may: above that
// the engine removes what was not used for the longest. Both are in bytes.
func (e *Engine) Disk(ctx context.Context) (used, most int64, err error) {
	cache := e.client.Engine().LocalCache()
	u, err := cache.EntrySet().DiskSpaceBytes(ctx)
	if err != nil {
		return 0, 0, err
	}
	m, err := cache.MaxUsedSpace(ctx)
	return int64(u), int64(m), err
}

// Prune removes from the engine's cache what is above its bounds; all: whatever no session
// uses now. Steps whose results are gone run again when they are needed.
func (e *Engine) Prune(ctx context.Context, all bool) error {
	return e.client.Engine().LocalCache().Prune(ctx, dagger.EngineCachePruneOpts{UseDefaultPolicy: !all})
}
