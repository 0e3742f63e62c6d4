package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"dagger.io/dagger"

	"github.com/mage-os/nightly/pipeline"
)

// What a stage writes into its output: its result, and a store with the trees that
// the result names.
const (
	resultFile = "result.json"
	treesDir   = "trees"
)

// A result is the content of that file. Either of its parts is there.
type result struct {
	Skipped string          `json:"skipped"` // the reason of a *pipeline.SkipError
	Result  json.RawMessage `json:"result"`
}

// Needs are what a container needs for one input beside its trees.
type Needs struct {
	// Folders of this machine, mounted at the same path.
	Folders []Folder `json:"folders"`
	// Image is the base image: a registry's reference, best by digest, or
	// file:///….tar (an OCI layout) or file:///folder (a root file system).
	// Empty: no base image.
	Image string `json:"image"`
	// Services run beside the stage.
	Services []Service `json:"services"`
	// Env are variables of its environment. They are no place for secrets.
	Env map[string]string `json:"env"`
	// NoCache gives the stage an empty folder in place of the cache that the engine keeps
	// for it: it runs package code, and another run would trust what that leaves.
	NoCache bool `json:"no-cache"`
	// Work is a folder for much that ends with the stage; empty: none. It lies on the engine's
	// own disk, which is faster than a container's layers. What another run left there may
	// still be there.
	Work string `json:"work"`
	// Doors are all that a stage in a Sandbox can connect to.
	Doors []Door `json:"-"`
	// Privileged lets the stage build a wall of its own in its container, out of namespaces.
	Privileged bool `json:"privileged"`
}

// Remote gives the stage run in a container. Name, Version and the types are the
// stage's, so that both have the same keys and the same saved results. needs may
// be nil: nothing.
//
// A stage that fails in its container is an *ExecError with the code with which
// it ended, an image or a service that it has not a *ServiceError, and a lost
// engine an *EngineError.
func Remote[In, Out any](e *Engine, stage pipeline.Stage[In, Out], needs func(In) (Needs, error)) pipeline.Stage[In, Out] {
	remote := stage
	remote.Run = func(ctx context.Context, in In) (Out, error) {
		var out Out
		s := step{Stage: stage.Name, Version: stage.Version, Trees: pipeline.Trees(in), Fresh: e.options.Fresh}
		var err error
		if needs != nil {
			if s.Needs, err = needs(in); err != nil {
				return out, err
			}
		}
		input, err := json.Marshal(in)
		if err != nil {
			return out, fmt.Errorf("input of stage %s: %w", stage.Name, err)
		}
		data, place, err := e.run(ctx, s, input)
		if err != nil {
			return out, err
		}
		if err := json.Unmarshal(data, &out); err != nil {
			return out, fmt.Errorf("the result of stage %s in its container: %w; the mounted program is another one: correct --program", stage.Name, err)
		}
		return out, e.save(ctx, s, input, pipeline.Trees(out), place)
	}
	return remote
}

// run evaluates a step and reads its result.
func (e *Engine) run(ctx context.Context, s step, input []byte) ([]byte, *dagger.Directory, error) {
	place, err := e.directory(ctx, s, input)
	if err != nil {
		return nil, nil, err
	}
	stop, err := e.start(ctx, s, input)
	defer stop()
	if err != nil {
		return nil, nil, err
	}
	var text string
	err = e.watch(ctx, s, func(ctx context.Context) (err error) {
		if text, err = place.File(resultFile).Contents(ctx); err != nil {
			return fmt.Errorf("stage %s in a container: %w; the full log is %s", s.Stage, err, e.options.LogFile)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	var r result
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return nil, nil, fmt.Errorf("stage %s left no result in its container: %w", s.Stage, err)
	}
	if r.Skipped != "" {
		return nil, nil, &pipeline.SkipError{Reason: r.Skipped}
	}
	return r.Result, place, nil
}

// watch runs something on the engine, and looks whether the engine is still
// there meanwhile: a session whose engine has gone may wait for ever.
func (e *Engine) watch(ctx context.Context, s step, do func(context.Context) error) error {
	watched, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go e.ping(watched, cancel)
	err := do(watched)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var lost *EngineError
	if errors.As(context.Cause(watched), &lost) {
		return lost
	}
	var exec *dagger.ExecError
	if errors.As(err, &exec) {
		return e.failed(s, exec)
	}
	if e.isGone(ctx, err) {
		e.lost.Store(true)
		return &EngineError{Address: e.options.Address, Lost: true, Err: err}
	}
	return err
}
