package publish

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish/target"
)

// addTimes adds to the snapshot to publish when its commits were made: a function of its
// plan. It stands beside what was built, so that no byte of that changes. A repository
// that cannot be asked leaves its versions without a time.
func (o Options) addTimes(ctx context.Context, n *snapshot) error {
	m, err := n.manifest(ctx)
	if err != nil || o.Times == nil {
		return err
	}
	all, err := n.versions(ctx)
	if err != nil {
		return err
	}
	all.Times = map[string]string{}
	var mu sync.Mutex
	_ = pipeline.Each(len(m.Plan.Repositories), writers, func(i int) error {
		r := m.Plan.Repositories[i]
		commits := commitsOf(m, r.Name)
		if len(commits) == 0 || r.Tree.Digest != "" { // of a working tree
			return nil
		}
		found, err := o.Times(ctx, r.URL, commits)
		if err != nil {
			o.Log.Warn("versions get no time: the commits cannot be read", slog.String("repository", r.Name), slog.Any("error", err))
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		for commit, at := range found {
			all.Times[commit] = at.UTC().Format(time.RFC3339)
		}
		return nil
	})
	return n.setVersions(all)
}

// keepTimes gives a snapshot that is merged already the times that it was merged with.
func (n *snapshot) keepTimes(ctx context.Context, t target.Target, current *indexed) error {
	if !current.has(n) {
		return nil
	}
	there, err := versionsFrom(t, n.name)(ctx)
	if err != nil {
		return nil //nolint:nilerr // it is written anew, and its metadata is not read from there
	}
	all, err := n.versions(ctx)
	if err != nil {
		return err
	}
	all.Times = there.Times
	return n.setVersions(all)
}

// commitsOf are those of a repository that packages were built of.
func commitsOf(m *releases.Manifest, repository string) []string {
	var commits []string
	for _, p := range m.Packages {
		if p.Repository == repository && p.Commit != "" {
			commits = append(commits, p.Commit)
		}
	}
	slices.Sort(commits)
	return slices.Compact(commits)
}
