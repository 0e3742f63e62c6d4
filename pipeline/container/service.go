package container

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dagger.io/dagger"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
)

// A Service is a container that runs beside a stage, for as long as the stage
// does. What it writes is gone afterwards.
type Service struct {
	// Name is the host name under which the stage reaches it.
	Name string `json:"name"`
	// Image is as in Needs; empty: nothing but this program.
	Image string `json:"image"`
	// Args are the command; nil: the image's own entrypoint. Without an image
	// they are arguments of this program.
	Args []string          `json:"args"`
	Env  map[string]string `json:"env"`
	// Port is the one on which it answers. The stage begins when it does.
	Port int `json:"port"`
	// Secrets is the name by which a service without an image gets secrets, as a stage does,
	// and a cache that the engine keeps; empty: neither.
	Secrets string `json:"secrets"`
	// Folders are as in Needs, for a service without an image.
	Folders []Folder `json:"folders"`
}

// A ServiceError says that a stage had not what it needs beside itself: an image
// that cannot be had, a service that ended or never answered. It tells nothing of
// what the stage was to do.
type ServiceError struct {
	Stage string
	Name  string // of the service; empty: the stage's own image
	Image string
	// Log is the file in which everything can be read; empty: none.
	Log string
	Err error

	fetching bool // the image was asked for; nothing ran yet
}

func (e *ServiceError) Error() string {
	what := "its image " + releases.ImageTitle(e.Image)
	do := "make one with ci/engine/engine image, or name one that the engine can fetch"
	if e.Name != "" {
		what = fmt.Sprintf("its service %s, %s", e.Name, releases.ImageTitle(e.Image))
		do = "name an image that runs, or prove another cell of the matrix"
	}
	if why := refused(e.Err); why != "" && e.fetching {
		do = why + ": --image NAME=file:///IMAGE.tar"
	}
	text := fmt.Sprintf("stage %s cannot begin: %s: %v; %s", e.Stage, what, e.Err, do)
	if e.Log != "" {
		text += "\nfull log: " + e.Log
	}
	return text
}

func (e *ServiceError) Unwrap() error { return e.Err }

// service is a service's container; nothing runs yet. A run has services of its
// own: the engine takes those that are alike in everything for one.
func (e *Engine) service(s step, v Service, input []byte) (*dagger.Service, error) {
	c, err := e.base(v.Image)
	if err != nil {
		return nil, e.serviceError(s, v, err)
	}
	args := v.Args
	if v.Image == "" {
		c = e.withFolders(c.WithFile(programPath, e.program), v.Folders)
		args = append([]string{programPath}, v.Args...)
		if v.Secrets != "" {
			c = e.withCache(e.withSecrets(c, v.Secrets), v.Secrets, false)
			args = append(args, "--store", cachePath)
		}
	}
	run := pipeline.DigestOf(append([]byte(s.Fresh), input...))
	c = withEnv(c, v.Env).WithEnvVariable("NIGHTLY_RUN", string(run)).WithExposedPort(v.Port)
	return c.AsService(dagger.ContainerAsServiceOpts{Args: args, UseEntrypoint: v.Args == nil}), nil
}

func (e *Engine) serviceError(s step, v Service, err error) error {
	return &ServiceError{Stage: s.Stage, Name: v.Name, Image: v.Image, Log: e.options.LogFile, Err: err}
}

// bind gives a step's services to its container.
func (e *Engine) bind(c *dagger.Container, s step, input []byte) (*dagger.Container, error) {
	for _, v := range s.Services {
		service, err := e.service(s, v, input)
		if err != nil {
			return nil, err
		}
		c = c.WithServiceBinding(v.Name, service)
	}
	return c, nil
}

// start fetches a step's image and starts its services, so that a failure there
// is told apart from one of the stage. The caller stops them.
func (e *Engine) start(ctx context.Context, s step, input []byte) (stop func(), err error) {
	started := map[*dagger.Service]Service{}
	stop = func() {
		for service, v := range started {
			// The session's end ends them too; the stage has its result. This program writes
			// its cache when it ends.
			_, _ = service.Stop(context.WithoutCancel(ctx), dagger.ServiceStopOpts{Kill: v.Secrets == ""})
		}
	}
	if err := e.fetch(ctx, s, Service{Image: s.Image}); err != nil {
		return stop, err
	}
	for _, v := range s.Services {
		if err := e.fetch(ctx, s, v); err != nil {
			return stop, err
		}
		service, err := e.service(s, v, input)
		if err != nil {
			return stop, err
		}
		if _, err := prepare(ctx, e, s, v, func(ctx context.Context) (*dagger.Service, error) { return v.run(ctx, service) }); err != nil {
			return stop, err
		}
		started[service] = v
	}
	return stop, nil
}

// Fetch makes sure that the engine has an image, unpacked. The error is a *ServiceError.
func (e *Engine) Fetch(ctx context.Context, image string) error {
	return e.fetch(ctx, step{Stage: "install"}, Service{Image: image})
}

// fetch makes sure that the engine has an image.
func (e *Engine) fetch(ctx context.Context, s step, v Service) error {
	if v.Image == "" {
		return nil
	}
	image, err := e.image(v.Image)
	if err != nil {
		return e.serviceError(s, v, err)
	}
	_, err = prepare(ctx, e, s, v, image.Sync)
	var lacking *ServiceError
	if errors.As(err, &lacking) {
		lacking.fetching = true
	}
	return err
}

// serviceTime is how long a service may take to answer. Dagger would wait for 15 minutes.
var serviceTime = 5 * time.Minute

// run starts a service, and waits until it answers.
func (v Service) run(ctx context.Context, service *dagger.Service) (*dagger.Service, error) {
	limited, cancel := context.WithTimeout(ctx, serviceTime)
	defer cancel()
	started, err := service.Start(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("it did not answer on port %d within %v", v.Port, serviceTime)
	}
	return started, err
}

// prepare lets the engine make what a stage needs; its failure is a *ServiceError. That the
// engine has gone, and a cancellation, stay what they are.
func prepare[T any](ctx context.Context, e *Engine, s step, v Service, do func(context.Context) (T, error)) (made T, err error) {
	err = e.watch(ctx, s, func(ctx context.Context) (err error) {
		made, err = do(ctx)
		var exec *dagger.ExecError
		if errors.As(err, &exec) { // a command of the service, not the stage's own
			return fmt.Errorf("it ended with code %d: %s", exec.ExitCode, lastLine(exec.Stderr))
		}
		return err
	})
	var lost *EngineError
	if err == nil || errors.As(err, &lost) || ctx.Err() != nil {
		return made, err
	}
	return made, e.serviceError(s, v, err)
}
