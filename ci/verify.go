package ci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
	"github.com/mage-os/nightly/stages/verify"
)

// verifyFlags are the flags of mageos-nightly verify.
type verifyFlags struct {
	root    string
	seen    string
	url     string
	noDists bool

	rebuilders string
	threshold  int
}

func newVerify(env *factory) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify URL|FOLDER",
		Short: "Verify a published repository: signatures, hashes, requires, nothing extra, nothing old",
		Long: `verify reads a published repository, or a mirror of one, and trusts nothing but the
root that it is given: it is a client of The Update Framework, and then compares what
that does not know, such as metadata with manifests and zips. It writes one line for each problem: the file, and
what is wrong with it; it exits with 10 if there is any.

A state that was put back is refused when it has expired, after days. With --seen a
folder keeps what was verified here, and anything older is refused from then on.

With --rebuilders the statements of others count who have built the current snapshot
again (mageos-nightly reproduce --statement): --threshold of them have to have got the
same bytes, and one who has got others is a problem.`,
		Example: `  mageos-nightly verify https://nightly.example.org/ --root 1.root.json --seen ~/.cache/nightly
  mageos-nightly verify https://mirror.example.com/mage-os/ --root 1.root.json
  mageos-nightly verify https://nightly.example.org/ --root 1.root.json --rebuilders ./rebuilders --threshold 2
  mageos-nightly verify ./repository                       without a root: hashes and layout alone`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runVerify(cmd.Context(), env, args[0], f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.root, "root", "", "file with the root that is trusted: the newest of mageos-nightly trust, or any before it")
	flags.StringVar(&f.seen, "seen", "", "folder that remembers what was verified, one for each repository")
	flags.StringVar(&f.url, "url", "", "base URL under which a mirror serves the folder")
	flags.StringVar(&f.rebuilders, "rebuilders", "", "folder with the public keys of rebuilders, as NAME.pub")
	flags.IntVar(&f.threshold, "threshold", 1, "with --rebuilders: how many of them have to have built the current snapshot")
	env.addResult(cmd, &resultFlags{}, "text", "json")
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
		problems := make([]error, len(report.Problems))
		for i, p := range report.Problems {
			problems[i] = errors.New(p.String())
		}
		return &display.ShownError{Err: coded(exitUntrusted, "%s: %w", o.Source, errors.Join(problems...))}
	}
	return nil
}

func (f verifyFlags) options(env *factory) (*verify.Options, error) {
	o := &verify.Options{Now: env.now(), Memory: f.seen, Dists: !f.noDists}
	var err error
	if o.Root, err = readRoot(f.root); err != nil {
		return nil, err
	}
	if o.Root == nil && f.seen != "" {
		return nil, usagef("--seen remembers what was signed: give --root, too")
	}
	if f.rebuilders != "" {
		o.Threshold = f.threshold
		if o.Rebuilders, err = trust.ReadRebuilders(f.rebuilders); err != nil {
			return nil, unread("--rebuilders", f.rebuilders, err, rebuildersAdvice)
		}
		if f.threshold < 0 || f.threshold > len(o.Rebuilders) {
			return nil, usagef("--threshold %d: want 0 to %d, as many as there are rebuilders", f.threshold, len(o.Rebuilders))
		}
	}
	if f.url != "" {
		if o.URL, err = stages.BaseURL(f.url); err != nil {
			return nil, usagef("--url: %w", err)
		}
	}
	return o, nil
}

// readRoot reads a root; nil: none is given.
func readRoot(name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	data, err := files.Read(name, files.Small)
	if err != nil {
		return nil, unread("--root", name, err, "give the root that the owner of the repository has published, such as 1.root.json")
	}
	if !json.Valid(data) {
		return nil, usagef("--root %s is no root: give one that mageos-nightly trust init or rotate wrote, such as 1.root.json", name)
	}
	return data, nil
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
		if err := isPublished(folder); err != nil {
			return nil, err
		}
	}
	t, err := target.Open(ctx, at, env.targets())
	if err != nil {
		return nil, usagef("%w", err)
	}
	o.Source, o.List = t, func(ctx context.Context) ([]string, error) { return target.Files(ctx, t, ".") }
	return t.Close, nil
}

// verdictOf is a report in two words.
func verdictOf(r *verify.Report) string {
	if len(r.Problems) == 0 {
		return "no problem"
	}
	return markdown.Count(len(r.Problems), "problem")
}

func showReport(env *factory, where string, r *verify.Report) error {
	if env.resultJSON {
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
	fmt.Fprintf(env.stderr, "%s: %s; %s, %s, %s, %s\n", where, verdictOf(r), r.Snapshot.Title(), markdown.Count(r.Snapshots, "snapshot"), markdown.Count(r.Files, "file"), display.Bytes(r.Bytes))
	if r.Preview != "" {
		fmt.Fprintln(env.stderr, markdown.Printable(r.Preview))
	}
	if n := r.Rebuilt[r.Snapshot]; n != nil {
		fmt.Fprintf(env.stderr, "rebuilt by %d of %d: %s\n", len(n.By), n.Of, commas(n.By))
	}
	if r.Signed != nil {
		fmt.Fprintf(env.stderr, "signed for %s, line %s\n", r.Signed.URL, r.Signed.Line)
		for _, role := range r.Signed.Roles {
			if why := role.Ends(env.now()); why != "" {
				fmt.Fprintln(env.stderr, why)
			}
		}
	}
	return nil
}
