package nightly

import (
	"cmp"
	"context"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/history"
)

// PublishOptions are where a snapshot is published, and how.
type PublishOptions struct {
	// To is the target; empty: it is not published, for the reason Unpublished.
	To, Unpublished string
	URL             string // base URL of the published repository
	Keep            int    // nights that stay resolvable; 0: the line's
	DryRun          bool   // say what would be written, and write nothing
	Local           bool   // a local build may be published
	// Publisher is what publishing works with, and Attest what is said of the snapshot.
	Publisher publish.Options
	Attest    attest.Options
	// Run is what the record of the run says beside what it made.
	Run RunInfo
}

// Publish brings a snapshot to its target. It gives nothing if there is no target.
func Publish(ctx context.Context, r *runner.Runner, snapshot stages.Snapshot, proof Proof, o PublishOptions) (*stages.Publication, error) {
	if o.To == "" {
		r.Session().Skip(publish.Name, o.Unpublished)
		return nil, nil
	}
	said, publisher := o.Attest, o.withTries(ctx, r, snapshot, proof, r.Log)
	said.Installation = proof.first()
	publisher.Attest = &said
	publication, err := pipeline.Run(ctx, r.Session(), publish.Stage(publisher), stages.PublishRequest{
		Snapshot: snapshot, To: o.To, URL: o.URL, Keep: cmp.Or(o.Keep, snapshot.Keep), DryRun: o.DryRun, AllowLocal: o.Local,
	})
	if err != nil {
		return nil, err
	}
	if len(publisher.Tries) > 0 && !o.DryRun {
		err = history.Forget(triesDir(r, publisher.Tries[0].Line))
	}
	return &publication, err
}
