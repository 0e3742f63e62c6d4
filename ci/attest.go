package ci

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

func newAttest(env *factory) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "attest URL|FOLDER",
		Short: "Write what GitHub's attestation action signs of the current night",
		Long: `attest takes what is said of the current night of a repository, and writes it in
the form that actions/attest takes: PREFIX.json for predicate-path, PREFIX.sha256
for subject-checksums, and PREFIX.type for predicate-type; with the prefixes
provenance and installation. The action signs them without a key of ours.`,
		Example: `  mageos-nightly attest ./repository --out attest`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return writeAttest(cmd.Context(), env, args[0], out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "attest", "folder to write to")
	return cmd
}

func writeAttest(ctx context.Context, env *factory, at, out string) (err error) {
	source, closeSource, err := env.openSource(ctx, at)
	if err != nil {
		return usagef("%w", err)
	}
	defer func() { err = errors.Join(err, closeSource()) }()
	snapshots, err := publish.Read(source).Snapshots(ctx)
	if err != nil {
		return notThere(source, err)
	}
	if len(snapshots) == 0 {
		return usagef("%s has no snapshots", source)
	}
	if err := makeFolder("--out", out); err != nil {
		return err
	}
	for _, statement := range []struct{ prefix, file string }{{"provenance", attest.ProvenanceFile}, {"installation", attest.ProvenInstallationFile}} {
		data, err := target.Read(ctx, source, snapshots[0].Dir()+"/"+statement.file)
		if errors.Is(err, fs.ErrNotExist) {
			return usagef("%w; publish it again with this program", err)
		}
		if err != nil {
			return err
		}
		if err := writeStatement(env, filepath.Join(out, statement.prefix), data); err != nil {
			return fmt.Errorf("%s of %s: it %w", statement.file, source, err)
		}
	}
	return nil
}

func writeStatement(env *factory, prefix string, data []byte) error {
	s, err := attest.ParseStatement(data)
	if err != nil {
		return err
	}
	files, err := s.GitHub()
	if err != nil {
		return err
	}
	for suffix, content := range files {
		if err := os.WriteFile(prefix+suffix, content, 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintf(env.stdout, "%s: %d subjects, %s\n", prefix, len(s.Subjects), s.Type)
	return nil
}
