package ci

import (
	"context"
	"os"
	"time"

	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/pipeline/suspects"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/stages/publish/history"
	"github.com/mage-os/nightly/stages/publish/target"
)

// suspectsTime bounds how long somebody who waits for a failure waits for suspects.
const suspectsTime = 3 * time.Minute

// suspects are what may have made a run fail that was to publish to a target, or nothing: that none can be named is told,
// and changes no failure.
func (env *factory) suspects(ctx context.Context, r *runner.Runner, made nightly.Result, failed error, f targetFlags) []history.Suspect {
	if code := exitCode(failed); ctx.Err() != nil || code != exitBuild && code != exitInstall {
		return nil
	}
	at := f.to
	if folder, ok := target.Folder(at); ok {
		if _, err := os.Stat(folder); err != nil {
			if at = made.Plan.Line.URL; !f.byDefault || env.getenv(actionsVariable) != "true" {
				return nil // the jobs of a workflow do not know the target
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, suspectsTime)
	defer cancel()
	found, err := env.findSuspects(ctx, r, made, failed, at)
	if err != nil {
		r.Log.Warn("no suspects can be named", "error", err)
	}
	return found
}

func (env *factory) findSuspects(ctx context.Context, r *runner.Runner, made nightly.Result, failed error, at string) (found []history.Suspect, err error) {
	source, closeSource, err := env.openSource(ctx, at)
	if err != nil {
		return nil, err
	}
	known, err := env.suspectsHistory(r)
	if err == nil {
		found, err = nightly.Suspects(ctx, r, made, failed, source, known)
	}
	if e := closeSource(); err == nil {
		err = e
	}
	return found, err
}

// suspectsHistory knows commits, and what they change.
func (env *factory) suspectsHistory(r *runner.Runner) (suspects.History, error) {
	commits, err := env.history(r.Git)
	return suspects.History{History: commits, Files: git.NewHistory(r.Git)}, err
}
