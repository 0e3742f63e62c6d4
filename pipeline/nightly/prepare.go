package nightly

import (
	"context"
	"sync"

	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// Prepare begins what a proof needs before there is anything to prove: it looks whether a plan
// can be proven at all, and lets the engines fetch the images of its cells, so that they are
// there when its packages are built. The caller stops it when the proof has ended.
func Prepare(ctx context.Context, r *runner.Runner, plan *releases.Plan, o ProveOptions) (stop func(), err error) {
	if o.Proofs != "" {
		return func() {}, nil // it is proven
	}
	snapshot := stages.Snapshot{Name: plan.Snapshot(), Project: plan.Line.Vendor + "/" + plan.Line.Project()}
	p := &proving{Runner: r, plan: plan, snapshot: snapshot, options: o}
	cells, err := p.ready(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	for i, engine := range r.Engines {
		wait.Go(func() {
			for n := i; n < len(cells) && ctx.Err() == nil; n += len(r.Engines) {
				p.prefetch(ctx, engine, cells[n])
			}
		})
	}
	return func() { cancel(); wait.Wait() }, nil
}

// prefetch lets an engine fetch the images of a cell, and asks them for their tools, which the
// engine then knows. What fails here fails again, and is told, where it is needed.
func (p *proving) prefetch(ctx context.Context, engine *container.Engine, cell releases.Cell) {
	run := &cellRun{proving: p, engine: engine, cell: cell}
	if _, why, err := run.equip(ctx, p.options.level(p.plan)); err != nil || why != "" {
		return
	}
	for _, image := range run.images {
		if engine.Fetch(ctx, image.Reference) != nil {
			return
		}
	}
}
