package ci

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/trust"
)

func newReproduce(env *factory) *cobra.Command {
	var f reproduceFlags
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
PHP, no Composer, no git program.

With --statement what came of it, also a difference, is written as an in-toto statement
that is signed by the rebuilder's own key: mageos-nightly publish --rebuilt puts it
beside the night, and mageos-nightly verify --rebuilders counts it.`,
		Example: `  mageos-nightly reproduce https://nightly.example.org/nights/2026-11-24/
  mageos-nightly reproduce ./repository
  mageos-nightly reproduce https://nightly.example.org/ --statement rebuilt.intoto.jsonl --sign-key rebuilder.key
  mageos-nightly reproduce nightly.json --store /tmp/elsewhere`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runReproduce(cmd.Context(), env, args[0], f)
		},
	}
	grouped(cmd, flagsOfRunner, f.runner.add)
	cmd.Flags().StringVar(&f.statement, "statement", "", "write what came of it to this file, signed")
	cmd.Flags().StringArrayVar(&f.sign.keys, "sign-key", nil, "file with the rebuilder's private key (default with --statement: $"+signKeyVariable+", the key or its file)")
	env.addResult(cmd, &resultFlags{}, "text", "json")
	return cmd
}

// reproduceFlags are the flags of the command reproduce.
type reproduceFlags struct {
	runner    runnerFlags
	statement string
	sign      signFlags
}

// key is the rebuilder's key; nil signs nothing.
func (f reproduceFlags) key(env *factory) (*trust.Key, error) {
	if f.statement == "" {
		return nil, nil //nolint:nilnil // see above
	}
	keys, err := f.sign.read(env)
	if err == nil {
		err = makeFolder("--statement", filepath.Dir(f.statement))
	}
	if err == nil && len(keys) != 1 {
		err = usagef("--statement is signed by one key, of the rebuilder's own: give it with --sign-key or $" + signKeyVariable)
	}
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

// state writes a signed statement of the result.
func (f reproduceFlags) state(ctx context.Context, env *factory, key *trust.Key, there *published, r *publish.Reproduction) error {
	differs := make([]string, len(r.Differences))
	for i, d := range r.Differences {
		differs[i] = d.Path
	}
	statement, err := attest.Rebuilt(there.Manifest, there.Data, differs, env.builder())
	if err != nil {
		return err
	}
	envelope, err := key.Envelope(ctx, statement)
	if err != nil {
		return err
	}
	return files.Replace(f.statement, envelope)
}

func runReproduce(ctx context.Context, env *factory, at string, f reproduceFlags) (err error) {
	key, err := f.key(env)
	if err != nil {
		return err
	}
	there, err := openPublished(ctx, env, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, there.close()) }()
	if there.Data == nil {
		return usagef("%s is a plan, of which nothing is published: build it with mageos-nightly nightly --plan %[1]s", at)
	}
	if there.Manifest.Plan.Adopted {
		return usagef("%s was adopted, not built here: there is nothing to build it from", there.Manifest.Snapshot.Title())
	}
	if err := lines.Check(&there.Manifest.Plan.Line); err != nil {
		return fmt.Errorf("the line of what was published: %w", err)
	}
	where, err := f.runner.choose(ctx, env)
	if err != nil {
		return err
	}
	removeStore, err := env.makeStore()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeStore()) }()
	show := env.display()
	r, err := env.newRunnerAt(ctx, show, f.runner, where, true)
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
	if key != nil {
		if err := f.state(ctx, env, key, there, result); err != nil {
			return err
		}
	}
	if env.resultJSON {
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
	fmt.Fprintf(env.stdout, "\n%s: %d files, %s, compared %s: %d differ\n", r.Snapshot.Title(), r.Files, display.Bytes(r.Bytes), how, len(r.Differences))
}
