package ci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/monitor"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/github"
)

// askFlags are what a workflow says of a pull request.
type askFlags struct{ event, label, answer, why, jobs string }

func (f *askFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.event, "event", "", "write what this event of GitHub asks for, as outputs of a step: do, pull, number and why")
	flags.StringVar(&f.label, "label", "preview", "label that asks for a preview")
	flags.StringVar(&f.answer, "answer", "", "OWNER/REPOSITORY#123: comment there what became of its preview, which is at --url")
	flags.StringVar(&f.why, "why", "", "with --answer: why none was made")
	flags.StringVar(&f.jobs, "jobs", "", "with --answer: file with the needs of the job, as ${{ toJSON(needs) }}")
}

// run says what is asked for, or answers.
func (f askFlags) run(ctx context.Context, env *factory, url string) error {
	client, err := github.New(github.Options{
		BaseURL: env.getenv("GITHUB_API_URL"), Token: remote.NewToken(env.getenv("GITHUB_TOKEN")), Policy: env.client(env.logger(env.stderr)).Policy,
	})
	if err != nil {
		return usagef("GITHUB_API_URL: %w", err)
	}
	if f.event == "" {
		return f.tell(ctx, env, client, url)
	}
	event, err := files.Read(f.event, files.Large)
	if err != nil {
		return unread("--event", f.event, err, "give the file that GITHUB_EVENT_PATH names in a workflow")
	}
	asked, err := client.Asked(ctx, event, f.label)
	if err != nil {
		return err
	}
	pull := ""
	if asked.Do == github.AskedBuild {
		pull = asked.Pull(cmp.Or(env.getenv("GITHUB_SERVER_URL"), "https://github.com"))
	}
	return writeOut(env.stdout, fmt.Appendf(nil, "do=%s\npull=%s\nnumber=%d\nwhy=%s\n", asked.Do, pull, asked.Number, asked.Why))
}

// tell answers who asked.
func (f askFlags) tell(ctx context.Context, env *factory, client *github.Client, url string) error {
	repository, text, _ := strings.Cut(f.answer, "#")
	owner, name, _ := strings.Cut(repository, "/")
	number, err := strconv.Atoi(text)
	if err != nil || name == "" || url == "" {
		return usagef("--answer %s: want OWNER/REPOSITORY#123, and the preview's --url", f.answer)
	}
	said := "No preview: " + f.why
	if f.why == "" {
		if said, err = f.answerOf(ctx, env, url); err != nil {
			return err
		}
	}
	return client.Comment(ctx, github.Repository{Owner: owner, Name: name}, number, said)
}

func (f askFlags) answerOf(ctx context.Context, env *factory, url string) (said string, err error) {
	needs, err := files.Read(f.jobs, files.Small)
	if err != nil {
		return "", unread("--jobs", f.jobs, err, jobsAdvice)
	}
	failed, err := monitor.FailedJobs(needs)
	if err != nil {
		return "", usagef("--jobs %s: %w", f.jobs, err)
	}
	var manifest *releases.Manifest
	if len(failed) == 0 {
		there, err := openSnapshot(ctx, env, url, named(""))
		if err != nil {
			return "", err
		}
		defer func() { err = errors.Join(err, there.close()) }()
		manifest = there.Manifest
	}
	return monitor.PreviewAnswer(manifest, url, failed, env.runURL()), nil
}
