package nightly

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
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
}

// Publish brings a snapshot to its target. It gives nothing if there is no target.
func Publish(ctx context.Context, r *runner.Runner, snapshot stages.Snapshot, proof Proof, o PublishOptions) (*stages.Publication, error) {
	if o.To == "" {
		r.Session().Skip(publish.Name, o.Unpublished)
		return nil, nil
	}
	said, publisher := o.Attest, o.Publisher
	said.Installation = proof.first()
	publisher.Attest = &said
	publication, err := pipeline.Run(ctx, r.Session(), publish.Stage(publisher), stages.PublishRequest{
		Snapshot: snapshot, To: o.To, URL: o.URL, Keep: cmp.Or(o.Keep, snapshot.Keep), DryRun: o.DryRun, AllowLocal: o.Local,
	})
	if err != nil {
		return nil, err
	}
	return &publication, nil
}

// Tried tells the target what became of a run. That it cannot be told is no failure of
// the run: a monitor sees the age of the last good night. Notes are the target's
// after a mirror's run that had nothing to publish; nil: it was none.
func Tried(ctx context.Context, o PublishOptions, snapshot string, failed error, log *slog.Logger, notes ...releases.Note) {
	if o.To == "" || o.DryRun || ctx.Err() != nil {
		return
	}
	if folder, ok := target.Folder(o.To); ok {
		if _, err := os.Stat(folder); err != nil {
			return // and it is not made for that
		}
	}
	try := publish.Try{Snapshot: snapshot, At: o.Publisher.Now, Notes: notes}
	var stage *pipeline.StageError
	if errors.As(failed, &stage) {
		try.Stage = stage.Stage
	}
	if failed != nil {
		try.Reason, try.Stage = failed.Error(), cmp.Or(try.Stage, "plan")
	}
	err := o.Publisher.Tried(ctx, o.To, o.URL, try)
	// What failed to publish has said why the target cannot be written.
	if err != nil && !errors.Is(err, publish.ErrNoRepository) && try.Stage != publish.Name {
		log.Warn("the status of the target could not be written", "error", err)
	}
}
