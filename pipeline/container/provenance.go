package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"

	"dagger.io/dagger"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
)

// treeKey is the key under which the step is saved that made a tree.
func treeKey(d pipeline.Digest) pipeline.Digest {
	return pipeline.DigestOf([]byte("container tree\x00" + d))
}

// save keeps which step made the trees, for this session and for later ones. What the
// step was given and hands on it did not make.
func (e *Engine) save(ctx context.Context, s step, input []byte, trees []pipeline.Tree, place *dagger.Directory) error {
	if len(trees) == 0 {
		return nil
	}
	// The work is done: a cancellation that comes now must not lose it.
	ctx = context.WithoutCancel(ctx)
	s.Input = pipeline.DigestOf(append([]byte("container input\x00"), input...))
	if err := e.options.Results.Save(ctx, s.Input, input); err != nil {
		return fmt.Errorf("save the input of stage %s: %w", s.Stage, err)
	}
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, tree := range trees {
		if slices.Contains(s.Trees, tree) {
			continue
		}
		e.places[tree.Digest] = place
		if err := e.options.Results.Save(ctx, treeKey(tree.Digest), data); err != nil {
			return fmt.Errorf("save which step made tree %s: %w", tree.Digest, err)
		}
	}
	return nil
}

// remember makes a step that is evaluated again the place of all its trees.
func (e *Engine) remember(ctx context.Context, s step, input []byte, place *dagger.Directory) error {
	data, _, err := e.run(ctx, s, input)
	if err != nil {
		return fmt.Errorf("run stage %s again for its trees: %w", s.Stage, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range digests(data) {
		e.places[d] = place
	}
	return nil
}

// treeDigest is a tree's in a result as encoding/json writes it.
var treeDigest = regexp.MustCompile(`"digest":"([0-9a-f]{64})"`)

// digests finds the digests of trees in a result whose type is not known here.
func digests(data []byte) []pipeline.Digest {
	var found []pipeline.Digest
	for _, m := range treeDigest.FindAllSubmatch(data, -1) {
		found = append(found, pipeline.Digest(m[1]))
	}
	return found
}

// origin gives the saved step that made a tree, and its input. It reports
// fs.ErrNotExist.
func (e *Engine) origin(ctx context.Context, tree pipeline.Tree) (step, []byte, error) {
	var s step
	data, err := e.options.Results.Load(ctx, treeKey(tree.Digest))
	if err != nil {
		return s, nil, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, nil, fmt.Errorf("the saved step of tree %s: %w", tree.Digest, err)
	}
	input, err := e.options.Results.Load(ctx, s.Input)
	return s, input, err
}

// check reports an error for a tree that nobody could make again.
func (e *Engine) check(ctx context.Context, tree pipeline.Tree) error {
	if e.known(tree.Digest) != nil {
		return nil
	}
	s, _, err := e.origin(ctx, tree)
	if err != nil {
		return err
	}
	for _, t := range s.Trees {
		if pipeline.Check(ctx, e.options.Store, t) != nil { // else it is sent
			err = errors.Join(err, e.check(ctx, t))
		}
	}
	return err
}

// export brings a tree to this machine's store, and with it the others that lie in
// the same place.
func (e *Engine) export(ctx context.Context, tree pipeline.Tree) error {
	place, err := e.place(ctx, tree)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(e.dir, "export-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	err = e.watch(ctx, step{Stage: "export"}, func(ctx context.Context) error {
		_, err := place.Directory(treesDir).Export(ctx, dir)
		return err
	})
	if err != nil {
		return fmt.Errorf("bring tree %s from the engine: %w", tree.Digest, err)
	}
	brought, err := store.Open(dir)
	if err != nil {
		return fmt.Errorf("bring tree %s from the engine: %w", tree.Digest, err)
	}
	return errors.Join(brought.CopyTo(ctx, e.options.Store), brought.Close())
}
