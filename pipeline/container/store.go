package container

import (
	"context"
	"errors"
	"io/fs"

	"github.com/mage-os/nightly/pipeline"
)

// Store gives this machine's store with the engine's trees behind it: whoever
// lists the files of a tree that is not here gets it brought first. To look
// whether a tree is there brings nothing; one whose step is known counts as
// there.
func (e *Engine) Store() pipeline.Store { return &joined{e.options.Store, e} }

type joined struct {
	pipeline.Store
	engine *Engine
}

var _ pipeline.Checker = (*joined)(nil)

// Files implements pipeline.Reader.
func (j *joined) Files(ctx context.Context, tree pipeline.Tree) ([]pipeline.File, error) {
	if err := pipeline.Check(ctx, j.Store, tree); err != nil {
		if err := j.engine.export(ctx, tree); err != nil {
			return nil, err
		}
	}
	return j.Store.Files(ctx, tree)
}

// Check implements pipeline.Checker.
func (j *joined) Check(ctx context.Context, tree pipeline.Tree) error {
	err := pipeline.Check(ctx, j.Store, tree)
	if err == nil {
		return nil
	}
	made := j.engine.check(ctx, tree)
	if errors.Is(made, fs.ErrNotExist) {
		return err
	}
	return made
}
