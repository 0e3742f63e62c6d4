package ci

import (
	"context"
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
)

// compareFlags are the flags of mageos-nightly compare.
type compareFlags struct {
	in        string
	result    resultFlags
	noHistory bool
}

func newCompare(env *factory) *cobra.Command {
	var f compareFlags
	cmd := &cobra.Command{
		Use:   "compare [A] [B]",
		Short: "Show what changed from one night to another: packages, requires, commits",
		Long: `compare takes two nights, the older one first. A night is a date, a version, or the
name of a try that failed in the repository of --in, or the URL or path of a
manifest, of a night's folder, of a plan, or of a repository, which stands for its
current night. Without B, A is
compared with the night before it; without both, the current night is. Of a plan
the packages are not known: its commits are compared.

The commits between come from the repositories: at most 1,000 of each.`,
		Example: `  mageos-nightly compare --in https://nightly.example.org/
  mageos-nightly compare 2026-11-20 2026-11-24 --in ./repository
  mageos-nightly compare 2.4.8.1-a20261120 2.4.8.1-a20261124
  mageos-nightly compare ./repository https://nightly.example.org/ --format markdown`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCompare(cmd.Context(), env, f, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.in, "in", ownTarget("nightly"), "repository in which dates and versions are looked up: folder or URL")
	env.addResult(cmd, &f.result, "text", "markdown", "json")
	flags.BoolVar(&f.noHistory, "no-history", false, "leave out the commits between")
	return cmd
}

func runCompare(ctx context.Context, env *factory, f compareFlags, args []string) (err error) {
	before, after, err := bothSnapshots(ctx, env, f.in, args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, before.close(), after.close()) }()
	show := env.display()
	r, err := env.newRunner(show, false)
	if err != nil {
		return err
	}
	defer closing(&err, show, r)
	var history compare.History
	if !f.noHistory {
		if history, err = env.history(r.Git); err != nil {
			return err
		}
	}
	for _, m := range []*releases.Manifest{before.Manifest, after.Manifest} {
		if kind := m.Snapshot.Kind(); kind == releases.Addition || kind == releases.Adoption {
			return usagef("an %s has many versions of a package, and nothing before it: its page and its %s list what it adds", kind, releases.ManifestName)
		}
	}
	comparison, err := compare.Manifests(ctx, before.Manifest, after.Manifest, history)
	if err != nil {
		return err
	}
	env.say(string(comparison.Markdown()))
	return env.write(comparison, f.result.format)
}

// bothSnapshots reads the two snapshots that are meant; the caller closes them.
func bothSnapshots(ctx context.Context, env *factory, in string, args []string) (before, after *published, err error) {
	if len(args) == 0 {
		after, err = openSnapshot(ctx, env, in, named(""))
	} else {
		after, err = findSnapshot(ctx, env, in, args[len(args)-1])
	}
	if err != nil {
		return nil, nil, err
	}
	switch {
	case len(args) == 2:
		before, err = findSnapshot(ctx, env, in, args[0])
	case after.repository == nil:
		err = usagef("a file alone does not tell what was before it; give both snapshots")
	default:
		before = &published{close: func() error { return nil }}
		if before.Found, err = after.repository.Before(ctx, after.Manifest); errors.Is(err, fs.ErrNotExist) {
			err = usagef("%w", err)
		}
	}
	if err != nil {
		return nil, nil, errors.Join(err, after.close())
	}
	return before, after, nil
}
