package ci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/verify"
)

// verifyFlags are the flags of mageos-nightly verify.
type verifyFlags struct {
	keys      []string
	state     string
	newerThan string
	maxAge    time.Duration
	url       string
	noDists   bool
}

func newVerify(env *factory) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify URL|FOLDER",
		Short: "Verify a published repository: signatures, hashes, requires, nothing extra, nothing old",
		Long: `verify reads a published repository, or a mirror of one, and trusts nothing but the
public keys that it is given. It writes one line for each problem: the file, and
what is wrong with it; it exits with 10 if there is any.

An earlier state of a repository is signed as well as the newest. --state keeps in
a file when what was verified here was signed, and refuses anything older from then
on; --newer-than gives that time; --max-age works without a memory.`,
		Example: `  mageos-nightly verify https://nightly.example.org/ --key nightly.key.pub --state seen.json
  mageos-nightly verify https://mirror.example.com/mage-os/ --key nightly.key.pub --max-age 36h
  mageos-nightly verify ./repository                       without a key: hashes and layout alone`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runVerify(cmd.Context(), env, args[0], f)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.keys, "key", nil, "file with a public key, of which one has to have signed")
	flags.StringVar(&f.state, "state", "", "file that remembers when what was verified was signed")
	flags.StringVar(&f.newerThan, "newer-than", "", "refuse what was signed before this time, as 2026-11-24T03:00:00Z")
	flags.DurationVar(&f.maxAge, "max-age", 0, "refuse what was signed longer ago, as 36h")
	flags.StringVar(&f.url, "url", "", "base URL under which a mirror serves the folder")
	flags.BoolVar(&f.noDists, "no-dists", false, "do not read the zips")
	return cmd
}

func runVerify(ctx context.Context, env *factory, at string, f verifyFlags) (err error) {
	o, err := f.options(env)
	if err != nil {
		return err
	}
	closeSource, err := openVerified(ctx, env, at, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeSource()) }()
	report, err := verify.Repository(ctx, *o)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && !isWeb(at) {
			return usagef("%w; give a published repository", err)
		}
		return &releases.SourceError{Repository: "published", URL: o.Source.String(), Err: err}
	}
	if err := showReport(env, o.Source.String(), report); err != nil {
		return err
	}
	if len(report.Problems) > 0 {
		return &display.ShownError{Err: coded(exitUntrusted, "%s: %d problems", o.Source, len(report.Problems))}
	}
	if f.state != "" {
		return report.Remember(f.state)
	}
	return nil
}

func (f verifyFlags) options(env *factory) (*verify.Options, error) {
	o := &verify.Options{Now: env.now(), MaxAge: f.maxAge, Dists: !f.noDists}
	var err error
	if o.Keys, err = readKeys(f.keys); err != nil {
		return nil, err
	}
	if len(o.Keys) == 0 && (f.state != "" || f.newerThan != "" || f.maxAge != 0) {
		return nil, usagef("--state, --newer-than and --max-age compare the time of the signature: give --key, too")
	}
	if f.url != "" {
		if o.URL, err = stages.BaseURL(f.url); err != nil {
			return nil, usagef("--url: %w", err)
		}
	}
	if f.newerThan != "" {
		if o.NewerThan, err = time.Parse(time.RFC3339, f.newerThan); err != nil {
			return nil, usagef("--newer-than %s: want a time as 2026-11-24T03:00:00Z", f.newerThan)
		}
	}
	if f.state != "" {
		seen, err := verify.ReadSeen(f.state)
		if err != nil {
			return nil, usagef("--state %w", err)
		}
		if seen.Published.After(o.NewerThan) {
			o.NewerThan = seen.Published
		}
	}
	return o, nil
}

// openVerified opens what is verified. A folder and a bucket can be listed; the web cannot.
func openVerified(ctx context.Context, env *factory, at string, o *verify.Options) (func() error, error) {
	if isWeb(at) {
		base, err := stages.BaseURL(at)
		if err != nil {
			return nil, usagef("%w", err)
		}
		source, err := target.OpenWeb(base, newClient())
		if err != nil {
			return nil, usagef("%w", err)
		}
		if o.Source = source; o.URL == "" {
			o.URL = base
		}
		return func() error { return nil }, nil
	}
	if folder, ok := target.Folder(at); ok {
		if _, err := os.Stat(folder); err != nil {
			return nil, usagef("%w", err)
		}
	}
	t, err := target.Open(ctx, at, env.targets())
	if err != nil {
		return nil, usagef("%w", err)
	}
	o.Source, o.List = t, func(ctx context.Context) ([]string, error) { return target.Files(ctx, t, ".") }
	return t.Close, nil
}

func showReport(env *factory, where string, r *verify.Report) error {
	if env.json {
		data, err := json.Marshal(r)
		if err != nil {
			return err
		}
		return writeOut(env.stdout, append(data, '\n'))
	}
	for _, p := range r.Problems {
		fmt.Fprintln(env.stdout, markdown.Printable(p.String()))
	}
	for _, version := range r.Withdrawn {
		fmt.Fprintf(env.stderr, "withdrawn: %s\n", markdown.Printable(version))
	}
	for _, what := range r.Unchecked {
		fmt.Fprintf(env.stderr, "not verified: %s\n", what)
	}
	verdict := "no problem"
	if n := len(r.Problems); n > 0 {
		verdict = fmt.Sprintf("%d problems", n)
	}
	fmt.Fprintf(env.stderr, "%s: %s; %s, %d snapshots, %d files, %s\n", where, verdict, r.Snapshot.Title(), r.Snapshots, r.Files, display.Bytes(r.Bytes))
	if r.Signed != nil {
		fmt.Fprintf(env.stderr, "signed at %s for %s\n", r.Signed.Published.Format(time.RFC3339), r.Signed.URL)
	}
	return nil
}
