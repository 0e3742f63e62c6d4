package ci

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish"
)

func newReproduce(w *world) *cobra.Command {
	var runner runnerFlags
	cmd := &cobra.Command{
		Use:   "reproduce URL | FOLDER | MANIFEST",
		Short: "Build a published night again from its manifest and compare every byte",
		Long: `reproduce takes the plan out of a published night's manifest, builds that night
here, every stage anew, and compares all its files with the published ones. A
difference is shown down to the file in a zip and the line in it.

Give the URL or folder of a night, of a repository for its current night, or a
nightly.json alone: then files are compared by the SHA-256 that it tells. It
needs git repositories and nothing that was published but the night itself; no
PHP, no Composer, no git program.`,
		Example: `  mageos-nightly reproduce https://nightly.example.org/nights/2026-11-24/
  mageos-nightly reproduce ./repository
  mageos-nightly reproduce nightly.json --store /tmp/elsewhere`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return reproduce(cmd.Context(), w, args[0], runner)
		},
	}
	runner.add(cmd)
	return cmd
}

// A differsError says that a night could not be built again with the same bytes.
type differsError struct{ err error }

func (e *differsError) Error() string { return e.err.Error() }
func (e *differsError) Unwrap() error { return e.err }

func reproduce(ctx context.Context, w *world, at string, runner runnerFlags) (err error) {
	snapshot, err := openPublished(ctx, w, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.close()) }()
	c, err := newChain(w, true)
	if err != nil {
		return err
	}
	defer c.end(&err)
	if err := c.start(ctx, runner); err != nil {
		return err
	}
	out, err := c.run(ctx, &snapshot.manifest.Plan, order{until: "build"})
	if err != nil {
		return c.show.failed(err)
	}
	result, err := publish.Reproduced(ctx, c.trees, *out.snapshot, snapshot.data, snapshot.repository)
	c.show.finish()
	if err != nil {
		return err
	}
	if w.json {
		c.show.writeJSON(map[string]any{"event": "reproduction", "reproduction": result})
	} else {
		showReproduction(w, result, snapshot.repository == nil)
	}
	if len(result.Differences) > 0 {
		return &differsError{fmt.Errorf("%d of %d files of night %s are not what was published%s", len(result.Differences), result.Files, result.Snapshot, c.otherProgram(snapshot.manifest, out))}
	}
	return nil
}

// otherProgram says that another version of this program built the night, which
// alone may make it differ.
func (c *chain) otherProgram(m *releases.Manifest, out *outcome) string {
	_ = out
	mine := map[string]int{"checkout": c.checkout().Version, "dependencies": c.dependencies().Version, "build": c.build().Version}
	if m.Program == releases.Program && maps.Equal(m.Stages, mine) {
		return ""
	}
	return fmt.Sprintf("; it was built by version %s (stages %v), this is %s (%v): use that version", m.Program, m.Stages, releases.Program, mine)
}

func showReproduction(w *world, r *publish.Reproduction, manifestOnly bool) {
	how := "byte by byte"
	if manifestOnly {
		how = "by their SHA-256"
	}
	for _, d := range r.Differences {
		text := strings.TrimSpace(string(d.What) + "\n" + d.Detail)
		fmt.Fprintf(w.stdout, "\n%s: %s\n", d.Path, strings.ReplaceAll(text, "\n", "\n  "))
	}
	if len(r.Differences) > 0 {
		fmt.Fprint(w.stdout, "\nTheirs is what was published, ours what was built here.")
	}
	fmt.Fprintf(w.stdout, "\nNight %s: %d files, %s, compared %s: %d differ\n", r.Snapshot, r.Files, bytesText(r.Bytes), how, len(r.Differences))
}
