package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
)

// A Task is where one execution of a stage finds its input and leaves its
// result.
type Task struct {
	Input string // file with the input as JSON
	Out   string // folder for the result and a store with its trees
}

// Serve runs a stage as its container does: it is the other end of Remote. The
// trees of the result are copied from the store in which the stage made them.
func Serve[In, Out any](ctx context.Context, stage pipeline.Stage[In, Out], from pipeline.Reader, t Task) error {
	var in In
	data, err := os.ReadFile(t.Input)
	if err != nil {
		return fmt.Errorf("input of stage %s: %w", stage.Name, err)
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("input of stage %s: %s: %w", stage.Name, t.Input, err)
	}
	if err := os.MkdirAll(t.Out, 0o755); err != nil {
		return fmt.Errorf("output of stage %s: %w", stage.Name, err)
	}
	var r result
	out, err := stage.Run(ctx, in)
	var skip *pipeline.SkipError
	switch {
	case errors.As(err, &skip):
		r.Skipped = skip.Reason
	case err != nil:
		return err
	default:
		if r.Result, err = json.Marshal(out); err != nil {
			return fmt.Errorf("result of stage %s: %w", stage.Name, err)
		}
		if err := copyTrees(ctx, filepath.Join(t.Out, treesDir), from, pipeline.Trees(out)); err != nil {
			return fmt.Errorf("result of stage %s: %w", stage.Name, err)
		}
	}
	if data, err = json.Marshal(r); err != nil {
		return fmt.Errorf("result of stage %s: %w", stage.Name, err)
	}
	return os.WriteFile(filepath.Join(t.Out, resultFile), data, 0o644)
}

// copyTrees copies trees to the store in a folder, which is made.
func copyTrees(ctx context.Context, dir string, from pipeline.Reader, trees []pipeline.Tree) error {
	if len(trees) == 0 {
		return nil
	}
	to, err := store.OpenTransient(dir)
	if err != nil {
		return err
	}
	for _, tree := range trees {
		err = errors.Join(err, store.Copy(ctx, to, from, tree))
	}
	return errors.Join(err, to.Close())
}
