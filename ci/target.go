package ci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/releases/github"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

// targetFlags say where a snapshot is published, and how.
type targetFlags struct {
	to, url       string
	byDefault     bool // to is the line's own
	keep          int
	grace         time.Duration
	dryRun, local bool
	anew          bool
	sign          signFlags
}

func (f *targetFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.to, "to", "", "folder or URL to publish to: ./repository, sftp://USER@HOST/FOLDER or s3://BUCKET/FOLDER (default "+ownTarget("LINE")+")")
	flags.StringVar(&f.url, "url", "", "base URL under which it will be served (default: the line's)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would be written and removed, and change nothing")
	flags.BoolVar(&f.local, "publish-local", false, "publish although --with replaced a source")
	f.sign.add(cmd)
}

func (f *targetFlags) addKeep(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.keep, "keep", 0, "nights that stay resolvable (default: the line's)")
}

// ownTarget is where a line is published if nothing else is said: each has a folder of its own.
func ownTarget(line string) string { return "repositories/" + line }

// of fills in what the line says: where it is published, and under which URL.
func (f *targetFlags) of(line *releases.Line) {
	f.byDefault = f.to == ""
	f.to, f.url = cmp.Or(f.to, ownTarget(line.Name)), cmp.Or(f.url, line.URL)
}

// belongs fails, before anything is built, where the target is not the line's, or cannot be
// written.
func belongs(ctx context.Context, o nightly.PublishOptions) error {
	if !o.DryRun {
		if err := target.Writable(o.To); err != nil {
			return err
		}
	}
	if err := o.Publisher.Belongs(ctx, o.To, o.URL); err != nil {
		return &pipeline.StageError{Stage: publish.Name, Err: err}
	}
	return nil
}

// options are how what a runner built is published.
func (f targetFlags) options(env *factory, r *runner.Runner, show *display.Run) (nightly.PublishOptions, error) {
	targets := env.targets()
	targets.Log = r.Log
	if err := target.Check(f.to, targets); err != nil {
		return nightly.PublishOptions{}, err
	}
	authority, err := f.sign.authority(env)
	if err != nil {
		return nightly.PublishOptions{}, err
	}
	rebuilders, err := f.sign.readRebuilders()
	if err != nil {
		return nightly.PublishOptions{}, err
	}
	said := attest.Options{Builder: env.builder()}
	history, err := env.history(r.Git)
	if err != nil {
		return nightly.PublishOptions{}, err
	}
	grace := f.grace
	if grace == 0 {
		grace = publish.DefaultGrace
	}
	o := nightly.PublishOptions{
		To: f.to, URL: f.url, Keep: f.keep, DryRun: f.dryRun, Local: f.local, Attest: said,
		Publisher: publish.Options{
			Store: r.Trees, Owner: owner(), Now: env.now().UTC(), Grace: grace,
			Target: targets, History: history, Attest: &said, Trust: authority, Secrets: env.secretValues(), SignAnew: f.anew, Rebuilders: rebuilders, Log: r.Log, Progress: show.Step,
			Fetch: env.fetch, Times: git.NewHistory(r.Git).Times,
		},
	}
	o.Run = nightly.RunInfo{URL: env.runURL(), Stages: show.Stages, Now: env.now}
	if f.dryRun {
		o.Publisher.Changed = show.Changed
	}
	return o, nil
}

// fetch reads a file that a line names, on the web or on this machine.
func (env *factory) fetch(ctx context.Context, url string) ([]byte, error) {
	body, err := composer.NewFetcher(env.client(nil)).Fetch(ctx, url)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(body)
	return data, errors.Join(err, body.Close())
}

// owner says who publishes, for whoever finds the target locked.
func owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}
	return fmt.Sprintf("process %d on %s", os.Getpid(), host)
}

// targets is how targets of publishing are reached.
func (env *factory) targets() target.Options {
	client := env.client(nil)
	return target.Options{
		SSH: client.SSH, Policy: client.Policy, Log: env.logger(env.stderr),
		Region:   cmp.Or(env.getenv("AWS_REGION"), env.getenv("AWS_DEFAULT_REGION")),
		Endpoint: cmp.Or(env.getenv("AWS_ENDPOINT_URL_S3"), env.getenv("AWS_ENDPOINT_URL")),
	}
}

// history is where the commits between two snapshots come from: GitHub's comparison for
// what lies on GitHub, with its pull requests, and git for all else and where GitHub does
// not answer.
func (env *factory) history(elsewhere git.Options) (compare.History, error) {
	// There is another way to the commits, and somebody waits.
	policy := elsewhere.Policy
	policy.Tries, policy.Deadline = 2, time.Minute
	client, err := env.githubClient(policy)
	if err != nil {
		return nil, err
	}
	return github.NewHistory(client, git.NewHistory(elsewhere)), nil
}

// githubClient is the API of the GitHub that the environment names, and the token that
// opens it. GitHub's own runners set it; of an Enterprise Server it is another one.
func (env *factory) githubClient(policy remote.Policy) (*github.Client, error) {
	o := github.Options{Token: env.client(nil).TokenFor("github.com"), Policy: policy}
	if api := strings.TrimRight(env.getenv("GITHUB_API_URL"), "/"); api != "" && api != "https://api.github.com" {
		o.BaseURL, o.Token = api+"/", remote.NewToken(env.getenv("GH_ENTERPRISE_TOKEN"))
	}
	client, err := github.New(o)
	if err != nil {
		return nil, usagef("GITHUB_API_URL: %w", err)
	}
	return client, nil
}
