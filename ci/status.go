package ci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

func newStatus(env *factory) *cobra.Command {
	var maxAge time.Duration
	var keys []string
	var line string
	var alarm alarmFlags
	cmd := &cobra.Command{
		Use:   "status [URL|FOLDER]",
		Short: "Say how fresh a published repository is; for monitors",
		Long: `status reads status.json of a repository: its last good night, the last try, and
in which stage that failed, and why. With --max-age it exits with 11 when the last
good night is older. Run it from outside: a workflow that was disabled cannot
report itself.

With --issue one issue on GitHub says what is wrong, for as long as something is: it
is opened, brought up to date, and closed. --jobs tells it what became of the jobs of
a workflow.

What status.json says, whoever has the server can change. With --key the time is
that of the signature, which nobody else can make.`,
		Example: `  mageos-nightly status https://nightly.example.org/ --max-age 36h
  mageos-nightly status https://nightly.example.org/ --max-age 36h --key nightly.key.pub
  mageos-nightly status https://nightly.example.org/ --max-age 36h --issue acme/nightly
  mageos-nightly status --line nightly --max-age 36h
  mageos-nightly status ./repository --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			public, err := readKeys(keys)
			if err != nil {
				return err
			}
			at, err := statusAt(args, line)
			if err != nil {
				return err
			}
			return alarm.watch(cmd.Context(), env, at, maxAge, public)
		},
	}
	cmd.Flags().DurationVar(&maxAge, "max-age", 0, "fail when the last good night is older, as 36h")
	cmd.Flags().StringArrayVar(&keys, "key", nil, "file with the public key; the time of the signature counts")
	cmd.Flags().StringVar(&line, "line", "", "release line, in place of a URL: where it is published")
	alarm.add(cmd)
	return cmd
}

// statusAt is the repository that is meant.
func statusAt(args []string, line string) (string, error) {
	switch {
	case len(args) == 1 && line == "":
		return args[0], nil
	case len(args) == 1 || line == "":
		return "", usagef("give the repository, as URL or folder, or its --line")
	}
	l, err := releases.Load(line)
	if err != nil {
		return "", err
	}
	return l.URL, nil
}

// readKeys reads files with public keys.
func readKeys(names []string) ([]attest.PublicKey, error) {
	var keys []attest.PublicKey
	for _, file := range names {
		data, err := files.Read(file, files.Small)
		if err != nil {
			return nil, usagef("public key: %w", err)
		}
		key, err := attest.ParsePublicKey(data)
		if err != nil {
			return nil, usagef("public key %s: it %w", file, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// status reads and shows a status. What it read is there also when it is too old.
func status(ctx context.Context, env *factory, at string, maxAge time.Duration, keys []attest.PublicKey) (s *publish.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	source, closeSource, err := env.openSource(ctx, at)
	if err != nil {
		return nil, usagef("%w", err)
	}
	defer func() { err = errors.Join(err, closeSource()) }()
	s, err = publish.ReadStatus(ctx, source)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && !isWeb(at) {
			return nil, usagef("%w; give a published repository", err)
		}
		return nil, &releases.SourceError{Repository: "published", URL: source.String(), Err: err}
	}
	if len(keys) > 0 {
		if err := signedTime(ctx, source, s, keys); err != nil {
			return s, err
		}
	}
	if err := showStatus(env, s); err != nil {
		return s, err
	}
	if maxAge <= 0 {
		return s, nil
	}
	if why := s.Stale(env.now(), maxAge); why != "" {
		return s, coded(exitStale, "%s: %s", source, why)
	}
	return s, nil
}

// statusTime bounds how long a monitor waits for an answer.
const statusTime = time.Minute

// signedTime puts what was signed in the place of what the status says.
func signedTime(ctx context.Context, source target.Source, s *publish.Status, keys []attest.PublicKey) error {
	data, err := target.Read(ctx, source, attest.RepositoryFile)
	if errors.Is(err, fs.ErrNotExist) {
		return coded(exitUntrusted, "%s has no %s: it is not signed", source, attest.RepositoryFile)
	}
	if err != nil {
		return &releases.SourceError{Repository: "published", URL: source.String(), Err: err}
	}
	_, signed, err := attest.VerifyRepository(ctx, data, keys)
	if err != nil {
		return coded(exitUntrusted, "%s of %s %w", attest.RepositoryFile, source, err)
	}
	s.Snapshot, s.LastGood = "", nil
	if len(signed.Snapshots) > 0 {
		s.Snapshot = signed.Snapshots[0].Snapshot
		s.LastGood = &publish.Try{Snapshot: s.Snapshot, At: signed.Published}
	}
	return nil
}

func showStatus(env *factory, s *publish.Status) error {
	if env.json {
		data, err := json.Marshal(s)
		if err != nil {
			return err
		}
		return writeOut(env.stdout, append(data, '\n'))
	}
	fmt.Fprintf(env.stdout, "Current night  %s (%d nights, %d packages)\n", s.Snapshot, len(s.Snapshots), s.Packages)
	if s.LastGood != nil {
		fmt.Fprintf(env.stdout, "Last good      %s at %s\n", s.LastGood.Snapshot, s.LastGood.At.Format(time.RFC3339))
	}
	if t := s.LastTry; t != nil {
		what := "good"
		if !t.Good() {
			what = "failed in " + t.Stage + ": " + t.Reason
		}
		fmt.Fprintf(env.stdout, "Last try       %s at %s, %s\n", t.Snapshot, t.At.Format(time.RFC3339), what)
	}
	return nil
}
