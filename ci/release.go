package ci

import (
	"cmp"
	"context"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/release"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
)

// releaseFlags are the flags of the command release.
type releaseFlags struct {
	line, plan, upstream  string
	refs                  []string
	previewTo, previewURL string
	preview, promote      bool
	restart, public       bool
	github                string
	fresh, installTools   bool
	target                targetFlags
	runner                runnerFlags
	install               installFlags
}

func newRelease(env *factory) *cobra.Command {
	var f releaseFlags
	cmd := &cobra.Command{
		Use:   "release VERSION",
		Short: "Release a version: release commits, build, proof, publishing, tags, a release on GitHub",
		Long: `release makes a tagged release. It writes a release commit, with every
composer.json as it will be published, on the branch release/VERSION of each
repository of the line; builds from exactly those commits; installs what was
built; publishes it; and only then tags the repositories and drafts a release on
GitHub. docs/releasing.md tells the whole story, and which rights each step needs.

With --preview it stops behind publishing, to a target for trying; --promote then
releases exactly those bytes, without building anything.

The same command goes on where it was stopped: one release, one tag a repository,
no second commit. What is there and differs is an error before anything is written.`,
		Example: `  mageos-nightly release 3.1.0 --upstream 2.4.8-p3 --dry-run
  mageos-nightly release 3.1.0-rc1 --upstream 2.4.8-p3 --preview --preview-to ./preview
  mageos-nightly release 3.1.0-rc1 --promote --preview-to ./preview --to sftp://repo@example.org/srv/repo
  mageos-nightly release 2.2.3 --upstream 2.4.8-p3 --ref magento2=2.2-develop --to ./repository
  mageos-nightly release 1.1.0 --line sample-release --upstream 2.1.0-p1 --dry-run`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.plan != "" && cmd.Flags().Changed("line") {
				return usagef("--plan %s holds its own line: leave out --line", f.plan)
			}
			version, err := releases.ParseReleaseVersion(args[0])
			if err != nil {
				return err
			}
			if err := f.check(); err != nil {
				return err
			}
			return runRelease(cmd.Context(), env, f, version)
		},
	}
	f.add(cmd)
	return cmd
}

func (f *releaseFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.line, "line", "release", lineHelp)
	flags.StringVar(&f.plan, "plan", "", "go on with this saved plan, for another machine than the one that began")
	flags.StringVar(&f.upstream, "upstream", "", "version of upstream that the release stands for: 2.4.8-p3")
	flags.StringArrayVar(&f.refs, "ref", nil, "NAME=BRANCH: release this repository from there, as for a patch of an older release")
	grouped(cmd, flagsOfPublishing, f.target.add)
	flags.BoolVar(&f.preview, "preview", false, "publish to the preview alone: no tags, no release on GitHub")
	flags.BoolVar(&f.promote, "promote", false, "release what the preview has, byte for byte")
	flags.StringVar(&f.previewTo, "preview-to", "preview", "folder or URL of the preview")
	flags.StringVar(&f.previewURL, "preview-url", "", "base URL under which the preview is served (default: the line's)")
	flags.BoolVar(&f.restart, "restart", false, "begin again from the branches as they are now; what is tagged stays")
	flags.BoolVar(&f.public, "public", false, "publish the release on GitHub, rather than leave a draft")
	flags.StringVar(&f.github, "github", "", "OWNER/NAME of the repository on GitHub that gets the release, or none (default: that of the editions)")
	flags.BoolVar(&f.fresh, "fresh", false, "run every stage, also those with a saved result")
	flags.BoolVar(&f.installTools, "install-tools", false, "install missing Debian packages (as root)")
	grouped(cmd, flagsOfRunner, f.runner.add)
	grouped(cmd, flagsOfProof, f.install.add)
	complete(cmd, "line", lines.Names()...)
}

func (f releaseFlags) check() error {
	switch {
	case f.preview && f.promote:
		return usagef("--preview and --promote are two commands: first the one, then the other")
	case f.promote && (f.upstream != "" || f.plan != "" || len(f.refs) > 0 || f.restart):
		return usagef("--promote takes everything from the preview: leave out --upstream, --plan, --ref and --restart")
	case f.preview && f.public:
		return usagef("--public makes a release on GitHub, which --preview does not")
	case f.install.matrix != "":
		return usagef("--matrix is of the command nightly; here each cell is proven with --cell")
	case f.plan != "" && len(f.refs) > 0:
		return usagef("--plan %s says which refs are taken: leave out --ref", f.plan)
	}
	return f.install.check()
}

func runRelease(ctx context.Context, env *factory, f releaseFlags, version releases.ReleaseVersion) (err error) {
	o := release.Options{
		Version: version, Date: env.date(), Restart: f.restart, DryRun: f.target.dryRun, Preview: f.preview,
		Repository: release.Repository(f.github), Public: f.public,
	}
	if err := f.source(&o); err != nil {
		return err
	}
	url := f.target.url
	f.target.of(o.Line)
	if o.To = f.target.to; f.promote {
		f.target.url = url // else the preview's own
	}
	show := env.display()
	r, err := f.newRunner(ctx, env, show, &o)
	if err != nil {
		return err
	}
	defer closing(&err, show, r)
	if o.Night.Publish, err = f.destination().options(env, r, show); err != nil {
		return err
	}
	if !f.promote { // which builds nothing
		if err := belongs(ctx, o.Night.Publish); err != nil {
			return err
		}
	}
	if o.Client, err = env.githubClient(r.Git.Policy); err != nil {
		return err
	}
	made, err := f.run(ctx, env, r, o)
	if err != nil {
		nightly.Tried(ctx, r, o.Night.Publish, o.Line.Name, version.String(), made.Result, err)
	}
	if err := show.End(ctx, made.Result, err); err != nil {
		return err
	}
	f.print(env, show, version, made)
	return nil
}

// newRunner makes what the release is built with, and makes sure that what the
// installation needs is there, before anything is written. A promotion builds nothing.
func (f releaseFlags) newRunner(ctx context.Context, env *factory, show *display.Run, o *release.Options) (*runner.Runner, error) {
	if f.promote {
		return env.newRunner(show, f.fresh)
	}
	images, err := f.runner.imagesOf(o.Line)
	if err != nil {
		return nil, err
	}
	if o.Night.Prove, err = f.install.options(env, images, f.target.sign); err != nil {
		return nil, err
	}
	o.Night.Prove.AllCells = true
	at, err := f.runner.choose(ctx, env)
	if err == nil && !at.containers {
		err = f.install.prepareHere(ctx, env, f.installTools, o.Line, f.target.sign)
	}
	if err != nil {
		return nil, err
	}
	return env.newRunnerAt(ctx, show, f.runner, at, f.fresh)
}

// source finds the line of the release, or the plan that it goes on with.
func (f releaseFlags) source(o *release.Options) (err error) {
	if f.plan == "" {
		if o.Line, err = lines.Load(f.line); err != nil || f.promote {
			return err
		}
		return o.Line.Release(o.Version.String(), f.upstream, f.refs)
	}
	if o.Source, err = nightly.ReadPlan(f.plan); err != nil {
		return err
	}
	o.Line = &o.Source.Line
	return release.Fits(o.Source, o.Version, f.upstream, "--plan "+f.plan)
}

// destination is where the release, or its preview, is published.
func (f releaseFlags) destination() targetFlags {
	if f.preview {
		f.target.to, f.target.url = f.previewTo, cmp.Or(f.previewURL, f.target.url)
		f.target.sign = signFlags{} // what is signed for the repository could be served in its place
	}
	return f.target
}

func (f releaseFlags) run(ctx context.Context, env *factory, r *runner.Runner, o release.Options) (release.Result, error) {
	if !f.promote {
		return release.Make(ctx, r, o)
	}
	preview, closePreview, err := env.openSource(ctx, f.previewTo)
	if err != nil {
		return release.Result{}, usagef("--preview-to %s: %w", f.previewTo, err)
	}
	defer func() { _ = closePreview() }() // it was only read
	return release.Promote(ctx, r, preview, o)
}

// print says where the release is, or what a dry run would have written.
func (f releaseFlags) print(env *factory, show *display.Run, version releases.ReleaseVersion, made release.Result) {
	o := f.destination()
	switch {
	case f.target.dryRun:
		f.printPlanned(env, show, version, made)
		if !env.json {
			fmt.Fprintf(env.stdout, "\nNothing was written. %s %s would be published to %s\n", made.Plan.Line.Title, version, o.to)
		}
	case env.json:
	case f.preview:
		fmt.Fprintf(env.stdout, "\nPreview  %s\nTry it   mageos-nightly serve %s\nRelease  mageos-nightly release %s --promote --preview-to %s --to %s\n", o.to, o.to, version, o.to, f.target.to)
	default:
		fmt.Fprintf(env.stdout, "\n%s %s is released: %s\n", made.Plan.Line.Title, version, o.to)
	}
}

// printPlanned tells what a dry run would have written beside the packages.
func (f releaseFlags) printPlanned(env *factory, show *display.Run, version releases.ReleaseVersion, made release.Result) {
	show.Difference()
	if env.json {
		show.Event(map[string]any{"event": "release", "version": version.String(), "repositories": made.Plan.Repositories, "github": made.Place.String(), "dry-run": true})
		return
	}
	for _, p := range made.Plan.Repositories {
		fmt.Fprintf(env.stdout, "+ %s: commit %.12s on %s, tag %s  %s\n", p.Name, p.Commit, release.Branch(version), version, plainURL(p.URL))
	}
	if made.Why != "" {
		fmt.Fprintf(env.stdout, "  no release on GitHub: %s\n", made.Why)
		return
	}
	fmt.Fprintf(env.stdout, "+ release %s of %s on GitHub, as a draft\n", version, made.Place)
}

// plainURL is a URL without its user.
func plainURL(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return address
	}
	u.User = nil
	return u.String()
}
