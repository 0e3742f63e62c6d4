// The project as a Dagger module, for people who have Dagger and no Go. It runs the program
// in a container; the stages of a night run in containers beside it, of the same engine.
package main

import (
	"context"
	"time"

	"dagger/nightly/internal/dagger"
)

const path = "/nightly/mageos-nightly"

// Nightly builds, proves and checks nights of Mage-OS.
type Nightly struct {
	// Container is where the program runs.
	Container *dagger.Container
}

// New makes the program of the source, unless one is given.
func New(
	// The project's source.
	// +defaultPath="/"
	// +ignore=["**/.git"]
	source *dagger.Directory,
	// The program as a static Linux binary.
	// +optional
	program *dagger.File,
	// A token of GitHub, with which it allows more requests.
	// +optional
	token *dagger.Secret,
) *Nightly {
	c := dag.Container()
	if program == nil {
		golang := dag.Container().From("golang:1").WithMountedDirectory("/src", source).WithWorkdir("/src").
			WithMountedCache("/go/pkg/mod", dag.CacheVolume("nightly-modules")).WithMountedCache("/root/.cache/go-build", dag.CacheVolume("nightly-build")).
			WithEnvVariable("CGO_ENABLED", "0").WithExec([]string{"go", "build", "-trimpath", "-buildvcs=false", "-o", path, "./ci/mageos-nightly"})
		program = golang.File(path)
		const certificates = "/etc/ssl/certs/ca-certificates.crt"
		c = c.WithFile(certificates, golang.File(certificates))
	}
	c = c.WithFile(path, program).WithMountedTemp("/tmp").WithMountedCache("/store", dag.CacheVolume("nightly-store")).
		WithEnvVariable("NIGHTLY_STORE", "/store").WithEnvVariable("NIGHTLY_RUNNER", "container")
	if token != nil {
		c = c.WithSecretVariable("GITHUB_TOKEN", token)
	}
	return &Nightly{Container: c}
}

// Night builds a night, proves it, and gives the repository with it.
func (n *Nightly) Night(
	// Release line.
	// +default="nightly"
	line string,
	// NAME=URL#REF: take this repository's source from there.
	// +optional
	with []string,
	// More flags of mageos-nightly nightly.
	// +optional
	flags []string,
) *dagger.Directory {
	const repository = "/repository"
	args := []string{"nightly", "--line", line, "--to", repository}
	for _, w := range with {
		args = append(args, "--publish-local", "--with", w)
	}
	return n.run(append(args, flags...)).Directory(repository)
}

// Check verifies a repository, and says what is wrong with it.
func (n *Nightly) Check(ctx context.Context,
	// The repository, as Night gives it.
	repository *dagger.Directory,
) (string, error) {
	n.Container = n.Container.WithMountedDirectory("/repository", repository)
	return n.run([]string{"verify", "/repository"}).CombinedOutput(ctx)
}

// run runs the program, every time: what lies on the web is no input that Dagger sees.
func (n *Nightly) run(args []string) *dagger.Container {
	return n.Container.WithEnvVariable("NIGHTLY_AT", time.Now().String()).
		WithExec(append([]string{path}, args...), dagger.ContainerWithExecOpts{ExperimentalPrivilegedNesting: true})
}
