package runner

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
)

// Connect opens the session with the engine on which stages run from now on, and with
// those at other addresses, which prove cells too. They get the snapshot from the first
// one, through this machine.
func (r *Runner) Connect(ctx context.Context, o container.Options, others []string) error {
	first, err := container.Connect(ctx, o)
	if err != nil {
		return err
	}
	r.Engines, r.Trees = []*container.Engine{first}, first.Store()
	for _, address := range others {
		o.Address, o.Store, o.Results = address, first.Store(), noResults{}
		engine, err := container.Connect(ctx, o)
		if err != nil {
			return err
		}
		r.Engines = append(r.Engines, engine)
	}
	return nil
}

// OnClose closes something with the Runner, after the engines.
func (r *Runner) OnClose(c io.Closer) { r.closers = append(r.closers, c) }

// Close ends the sessions with the engines and gives the store back.
func (r *Runner) Close() error {
	var closers []io.Closer
	for _, engine := range r.Engines {
		closers = append(closers, engine)
	}
	var errs []error
	for _, c := range slices.Concat(closers, r.closers, []io.Closer{r.Store}) {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// noResults keeps nothing: what made a tree is known to the first engine alone, so that the
// others get the tree itself.
type noResults struct{}

var _ pipeline.Results = noResults{}

// Load implements pipeline.Results.
func (noResults) Load(context.Context, pipeline.Digest) ([]byte, error) { return nil, fs.ErrNotExist }

// Save implements pipeline.Results.
func (noResults) Save(context.Context, pipeline.Digest, []byte) error { return nil }
