package ci

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
	"github.com/mage-os/nightly/stages/publish"
)

func newReproduce(env *factory) *cobra.Command {
	var f runnerFlags
	cmd := &cobra.Command{
		Use:   "reproduce URL | FOLDER | MANIFEST",
		Short: "Build a published night again from its manifest and compare every byte",
		Long: `reproduce takes the plan out of a published night's manifest, builds that night
here and compares all its files with the published ones. Every stage runs anew, in a
store of its own: no cache and no saved result counts. A difference is shown down to
the file in a zip and the line in it.

Give the URL or folder of a night, of a repository for its current night, or a
nightly.json alone: then files are compared by the SHA-256 that it tells. It
needs git repositories and nothing that was published but the night itself; no
PHP, no Composer, no git program.`,
		Example: `  mageos-nightly reproduce https://nightly.example.org/nights/2026-11-24/
  mageos-nightly reproduce ./repository
  mageos-nightly reproduce nightly.json --store /tmp/elsewhere`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runReproduce(cmd.Context(), env, args[0], f)
		},
	}
	f.add(cmd)
	return cmd
}

func runReproduce(ctx context.Context, env *factory, at string, f runnerFlags) (err error) {
	there, err := openPublished(ctx, env, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, there.close()) }()
	if err := lines.Check(&there.Manifest.Plan.Line); err != nil {
		return fmt.Errorf("the line of what was published: %w", err)
	}
	where, err := f.choose(ctx, env)
	if err != nil {
		return err
	}
	removeStore, err := env.makeStore()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeStore()) }()
	show := env.display()
	r, err := env.newRunnerAt(ctx, show, f, where, true)
	if err != nil {
		return err
	}
	defer closing(&err, show, r)
	plan := &there.Manifest.Plan
	if err := r.WorkTrees(ctx, plan); err != nil {
		return err
	}
	built, err := nightly.Build(ctx, r, plan, "")
	if err := show.Failure(ctx, nightly.Result{Plan: plan, Snapshot: built}, err); err != nil {
		return err
	}
	result, err := publish.Reproduced(ctx, r.Trees, *built, there.Data, there.repository)
	if err != nil {
		return err
	}
	if env.json {
		show.Event(map[string]any{"event": "reproduction", "reproduction": result})
	} else {
		printReproduction(env, result, there.repository == nil)
	}
	if len(result.Differences) > 0 {
		return coded(exitDiffers, "%d of %d files of %s are not what was published%s", len(result.Differences), result.Files, there.Manifest.Snapshot.Title(), otherProgram(r, there.Manifest))
	}
	return nil
}

// otherProgram says that another version of this program built the night, which alone may
// make it differ.
func otherProgram(r *runner.Runner, m *releases.Manifest) string {
	mine := r.Versions()
	mine["build"] = r.Build().Version
	if m.Program == releases.Program && maps.Equal(m.Stages, mine) {
		return ""
	}
	return fmt.Sprintf("; it was built by version %s (stages %v), this is %s (%v): use that version", m.Program, m.Stages, releases.Program, mine)
}

func printReproduction(env *factory, r *publish.Reproduction, manifestOnly bool) {
	how := "byte by byte"
	if manifestOnly {
		how = "by their SHA-256"
	}
	for _, d := range r.Differences {
		text := strings.TrimSpace(string(d.What) + "\n" + d.Detail)
		fmt.Fprintf(env.stdout, "\n%s: %s\n", d.Path, strings.ReplaceAll(text, "\n", "\n  "))
	}
	if len(r.Differences) > 0 {
		fmt.Fprint(env.stdout, "\nTheirs is what was published, ours what was built here.")
	}
	fmt.Fprintf(env.stdout, "\nNight %s: %d files, %s, compared %s: %d differ\n", r.Snapshot, r.Files, display.Bytes(r.Bytes), how, len(r.Differences))
}
