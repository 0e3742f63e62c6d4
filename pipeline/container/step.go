package container

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"dagger.io/dagger"

	"github.com/mage-os/nightly/pipeline"
)

// The paths in a container.
const (
	programPath     = "/nightly/mageos-nightly"
	inputPath       = "/nightly/in/input.json"
	treesPath       = "/nightly/in/trees"
	secretsPath     = "/nightly/secrets/"
	cachePath       = "/nightly/cache"
	outPath         = "/nightly/out"
	doorsPath       = "/nightly/doors"
	tempPath        = "/nightly/tmp" // not /tmp: a mounted folder may lie there
	certificatePath = "/etc/ssl/certs/ca-certificates.crt"
)

// secretVariable begins the names under which the session holds secrets.
const secretVariable = "NIGHTLY_SECRET_"

// A step is one execution of a stage, as it is saved: with the input it is all
// that is needed to run it again.
type step struct {
	Stage   string `json:"stage"`
	Version int    `json:"version"`
	Needs
	// Trees are those of the input.
	Trees []pipeline.Tree `json:"trees"`
	// Fresh is that of the run that made it, so that the engine knows it again.
	Fresh string          `json:"fresh"`
	Input pipeline.Digest `json:"input"`
}

// directory is the step's output; nothing runs before something of it is asked
// for.
func (e *Engine) directory(ctx context.Context, s step, input []byte) (*dagger.Directory, error) {
	c, args, err := e.container(ctx, s, input)
	if err != nil {
		return nil, err
	}
	return c.WithExec(args, dagger.ContainerWithExecOpts{InsecureRootCapabilities: s.Privileged}).Directory(outPath), nil
}

// container is the step's, and its command.
func (e *Engine) container(ctx context.Context, s step, input []byte) (*dagger.Container, []string, error) {
	c, err := e.base(s.Image)
	if err != nil {
		return nil, nil, e.serviceError(s, Service{Image: s.Image}, err)
	}
	file := filepath.Join(e.dir, string(pipeline.DigestOf(input))+".json")
	if err := os.WriteFile(file, input, 0o600); err != nil {
		return nil, nil, fmt.Errorf("write the input of stage %s: %w", s.Stage, err)
	}
	places, err := e.find(ctx, s.Trees)
	if err != nil {
		return nil, nil, err
	}
	// Copied and not mounted: a container with no file system of its own makes
	// Dagger 0.19 crash when its command is cancelled.
	c = c.WithFile(programPath, e.program).
		WithMountedFile(inputPath, e.client.Host().File(file)).
		WithMountedTemp(tempPath).WithEnvVariable("TMPDIR", tempPath)
	c = e.withFolders(e.withCache(c, s.Stage, s.NoCache), s.Folders)
	if s.Work != "" { // nobody else has it at the same time
		c = c.WithMountedCache(s.Work, e.client.CacheVolume("nightly-work"), dagger.ContainerWithMountedCacheOpts{Sharing: dagger.CacheSharingModePrivate})
	}
	args := []string{programPath, "stage", s.Stage, "--input", inputPath, "--out", outPath, "--store", cachePath, "--prune"}
	for i, place := range places {
		path := treesPath + "/" + strconv.Itoa(i)
		c = c.WithMountedDirectory(path, place)
		args = append(args, "--trees", path+"/"+treesDir)
	}
	if c, err = e.bind(c, s, input); err != nil {
		return nil, nil, err
	}
	c = e.withSecrets(withEnv(c, s.Env), s.Stage)
	if s.Fresh != "" {
		c = c.WithEnvVariable("NIGHTLY_FRESH", s.Fresh)
	}
	return c, args, nil
}

// withCache mounts the cache that the engine keeps for what is called so, or an empty folder.
func (e *Engine) withCache(c *dagger.Container, name string, empty bool) *dagger.Container {
	if e.options.NoCache || empty {
		return c.WithMountedDirectory(cachePath, e.client.Directory())
	}
	return c.WithMountedCache(cachePath, e.client.CacheVolume("nightly-"+name))
}

func (e *Engine) withFolders(c *dagger.Container, folders []Folder) *dagger.Container {
	for _, f := range folders {
		c = c.WithMountedDirectory(f.Path, e.folder(f))
	}
	return c
}

func withEnv(c *dagger.Container, env map[string]string) *dagger.Container {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		c = c.WithEnvVariable(name, env[name])
	}
	return c
}

// folder sends a folder of this machine.
func (e *Engine) folder(f Folder) *dagger.Directory {
	dir := e.client.Host().Directory(f.Path, dagger.HostDirectoryOpts{Exclude: f.Exclude})
	for _, name := range slices.Sorted(maps.Keys(f.Files)) {
		dir = dir.WithNewFile(name, f.Files[name])
	}
	return dir
}

// base is the container before anything of the stage: nothing but certificates,
// or the image.
func (e *Engine) base(image string) (*dagger.Container, error) {
	if image != "" {
		return e.image(image)
	}
	c := e.client.Container()
	if e.options.Certificates != "" {
		c = c.WithMountedFile(certificatePath, e.client.Host().File(e.options.Certificates))
	}
	return c, nil
}

func (e *Engine) withSecrets(c *dagger.Container, stage string) *dagger.Container {
	for _, s := range e.options.Secrets {
		if !slices.Contains(s.Stages, stage) {
			continue
		}
		secret := e.client.Secret("env://"+secretVariable+s.Name, dagger.SecretOpts{CacheKey: "nightly " + s.Name})
		if !s.File {
			c = c.WithSecretVariable(s.Name, secret)
			continue
		}
		c = c.WithMountedSecret(secretsPath+s.Name, secret).WithEnvVariable(s.Name, secretsPath+s.Name)
	}
	return c
}

// find gives the outputs that hold the trees, each once.
func (e *Engine) find(ctx context.Context, trees []pipeline.Tree) ([]*dagger.Directory, error) {
	var places []*dagger.Directory
	var errs []error
	for _, tree := range trees {
		place, err := e.place(ctx, tree)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	return places, errors.Join(errs...)
}

// place is where a tree lies: with the step of this session that made it, with
// the saved step that made it once, or on this machine.
func (e *Engine) place(ctx context.Context, tree pipeline.Tree) (*dagger.Directory, error) {
	if place := e.known(tree.Digest); place != nil {
		return place, nil
	}
	s, input, err := e.origin(ctx, tree)
	if err == nil {
		place, err := e.directory(ctx, s, input)
		if err != nil {
			return nil, err
		}
		if err := e.remember(ctx, s, input, place); err != nil {
			return nil, err
		}
		if e.known(tree.Digest) == nil {
			return nil, fmt.Errorf("stage %s gives other trees for the same input than it gave before; raise its version, and run with --fresh", s.Stage)
		}
		return place, nil
	}
	place, missing := e.upload(ctx, tree)
	if missing != nil {
		return nil, fmt.Errorf("tree %s is neither here (%w) nor is it known which step makes it (%w); run again with --fresh", tree.Digest, missing, err)
	}
	return place, nil
}

func (e *Engine) known(d pipeline.Digest) *dagger.Directory {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.places[d]
}

// upload sends a tree that only this machine's store has.
func (e *Engine) upload(ctx context.Context, tree pipeline.Tree) (*dagger.Directory, error) {
	dir, err := os.MkdirTemp(e.dir, "trees-")
	if err != nil {
		return nil, err
	}
	if err := copyTrees(ctx, dir, e.options.Store, []pipeline.Tree{tree}); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.places[tree.Digest] = e.client.Directory().WithDirectory(treesDir, e.client.Host().Directory(dir))
	return e.places[tree.Digest], nil
}

// architecture is the engine's, as Go names it.
func architecture(p dagger.Platform) string {
	_, rest, _ := strings.Cut(string(p), "/")
	arch, _, _ := strings.Cut(rest, "/")
	return cmp.Or(arch, runtime.GOARCH)
}
