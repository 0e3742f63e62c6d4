package ci

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/pipeline/monitor"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/github"
	"github.com/mage-os/nightly/releases/lines"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/page"
)

// statusFlags are the flags of the command status.
type statusFlags struct {
	line        string
	maxAge      time.Duration
	root        string
	origin      string
	issue, jobs string
	workflow    string
	result      resultFlags
}

func newStatus(env *factory) *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use:   "status [URL|FOLDER]...",
		Short: "Say how fresh a published repository is; for monitors",
		Long: `status reads status.json of a repository: its last good night, the last try, and
in which stage that failed, and why. With --max-age it exits with 11 when the last
good night is older. Run it from outside: a workflow that was disabled cannot
report itself.

With --issue one issue on GitHub says what is wrong, for as long as something is: it
is opened, brought up to date, and closed. --jobs tells it what became of the jobs of
a workflow. $NIGHTLY_NEWS, the URL of a webhook of Discord, Slack or another that takes
JSON, is then told when something breaks, still is, and when it is well again.

What status.json says, whoever has the server can change. With --root the repository is
read as a client of The Update Framework reads it, the time is the one that was signed,
and what has to be signed anew soon is told.

With --origin a copy is compared with the repository that it is a copy of: --max-age is
then for how long it may miss something.

With --format html it writes one page about several repositories: whether each is green
or red, since when, and its last thirty days.`,
		Example: `  mageos-nightly status https://nightly.example.org/ --max-age 36h
  mageos-nightly status https://nightly.example.org/ --max-age 36h --root 1.root.json
  mageos-nightly status https://nightly.example.org/ --max-age 36h --issue acme/nightly
  mageos-nightly status https://mirror.example.com/ --origin https://nightly.example.org/ --max-age 3h
  mageos-nightly status --line nightly --max-age 36h
  mageos-nightly status --workflow dagger.yml --jobs jobs.json --issue acme/nightly
  mageos-nightly status ./repository --json
  mageos-nightly status https://nightly.example.org/ https://release.example.org/ --format html --output lines.html`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.result.format == "html" {
				return linesPage(cmd.Context(), env, args)
			}
			at, err := f.at(args)
			if err != nil {
				return err
			}
			return runStatus(cmd.Context(), env, at, f)
		},
	}
	flags := cmd.Flags()
	flags.DurationVar(&f.maxAge, "max-age", 0, "fail when the last good night is older, as 36h")
	flags.StringVar(&f.root, "root", "", "file with the root that is trusted; the time that was signed counts")
	flags.StringVar(&f.origin, "origin", "", "URL or folder of the repository that this one is a copy of: how far is it behind?")
	flags.StringVar(&f.line, "line", "", "release line, in place of a URL: where it is published")
	flags.StringVar(&f.issue, "issue", "", "OWNER/NAME on GitHub: one issue there says what is wrong, and is closed when nothing is (with GITHUB_TOKEN)")
	flags.StringVar(&f.workflow, "workflow", "", "name of a workflow, in place of a repository: its --jobs are all that is looked at")
	env.addResult(cmd, &f.result, "text", "json", "html")
	flags.StringVar(&f.jobs, "jobs", "", "file with the results of the jobs of a workflow: what toJSON(needs) gives; one that failed is wrong, too")
	return cmd
}

// at is the repository that is meant.
func (f statusFlags) at(args []string) (string, error) {
	switch {
	case len(args) > 1:
		return "", usagef("give one repository; --format html takes several")
	case f.workflow != "" && (len(args) == 1 || f.line != "" || f.jobs == "" || f.origin != ""):
		return "", usagef("--workflow wants --jobs, and no repository")
	case f.workflow != "":
		return f.workflow, nil
	case len(args) == 1 && f.line == "":
		return args[0], nil
	case len(args) == 1 || f.line == "":
		return "", usagef("give the repository, as URL or folder, or its --line")
	}
	l, err := lines.Load(f.line)
	if err != nil {
		return "", err
	}
	return l.URL, nil
}

// linesPage writes the page about several repositories.
func linesPage(ctx context.Context, env *factory, addresses []string) error {
	if len(addresses) == 0 {
		return usagef("--format html: give the repositories, as URLs or folders")
	}
	lines := make([]page.Line, len(addresses))
	for i, at := range addresses {
		source, closeSource, err := env.openSource(ctx, at)
		if err != nil {
			return usagef("%w", err)
		}
		limited, cancel := context.WithTimeout(ctx, statusTime)
		lines[i] = monitor.Line(limited, source, at, env.now())
		cancel()
		if err := cmp.Or(ctx.Err(), closeSource()); err != nil {
			return err
		}
	}
	data, err := page.DrawLines("Nightly builds", lines)
	if err != nil {
		return err
	}
	return writeOut(env.stdout, data)
}

// runStatus shows a status and brings the issue up to date. Its error is what the status
// is worth; a job that failed has failed its own run already.
// jobsAdvice says which file --jobs takes.
const jobsAdvice = "give a file with what toJSON(needs) is in a workflow"

func runStatus(ctx context.Context, env *factory, at string, f statusFlags) error {
	root, err := readRoot(f.root)
	if err != nil {
		return err
	}
	var jobs []string
	if f.jobs != "" {
		data, err := files.Read(f.jobs, files.Small)
		if err == nil {
			jobs, err = monitor.FailedJobs(data)
		}
		if err != nil {
			return unread("--jobs", f.jobs, err, jobsAdvice)
		}
	}
	if f.workflow != "" {
		finding := monitor.Judge(at, nil, nil, jobs, false)
		finding.Workflow = true
		return f.end(ctx, env, finding, nil)
	}
	s, ends, bad := readStatus(ctx, env, at, root)
	if s != nil && bad == nil {
		if err := printStatus(env, s); err != nil {
			return err
		}
		bad = f.judge(ctx, env, at, s, root)
	}
	finding := monitor.Judge(at, s, bad, jobs, f.maxAge > 0 || f.origin != "")
	for _, why := range ends {
		fmt.Fprintln(env.stderr, why)
	}
	finding.Wrong = append(finding.Wrong, ends...)
	return f.end(ctx, env, finding, bad)
}

// judge says what is wrong with a repository by its age, or with a copy by what its origin has.
func (f statusFlags) judge(ctx context.Context, env *factory, at string, s *publish.Status, root []byte) error {
	if f.origin == "" {
		if why := s.Stale(env.now(), f.maxAge); f.maxAge > 0 && why != "" {
			return coded(exitStale, "%s: %s", at, why)
		}
		return nil
	}
	origin, _, err := readStatus(ctx, env, f.origin, root)
	if err != nil {
		return err
	}
	what, since := s.Behind(origin)
	if what == "" {
		fmt.Fprintf(env.stderr, "It has all that %s has\n", f.origin)
		return nil
	}
	late := env.now().Sub(since).Round(time.Second)
	if f.maxAge > 0 && late > f.maxAge {
		return coded(exitStale, "%s: %s, and has missed that for %s, longer than %s", at, what, late, f.maxAge)
	}
	fmt.Fprintf(env.stderr, "%s: %s, for %s\n", at, what, late)
	return nil
}

// end shows a finding, and brings the issue up to date; bad is what was wrong with the
// repository.
func (f statusFlags) end(ctx context.Context, env *factory, finding monitor.Finding, bad error) error {
	env.say(finding.Page())
	if f.issue == "" || ctx.Err() != nil {
		return bad
	}
	return cmp.Or(bad, f.tell(ctx, env, finding))
}

// statusTime bounds how long a monitor waits for an answer.
const statusTime = time.Minute

func readStatus(ctx context.Context, env *factory, at string, root []byte) (s *publish.Status, ends []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	source, closeSource, err := env.openSource(ctx, at)
	if err != nil {
		return nil, nil, usagef("%w", err)
	}
	defer func() { err = errors.Join(err, closeSource()) }()
	s, ends, err = monitor.Status(ctx, source, root, env.now())
	var untrusted *publish.UntrustedError
	switch {
	case errors.As(err, &untrusted):
		err = coded(exitUntrusted, "%w", err)
	case s == nil && errors.Is(err, fs.ErrNotExist) && !isWeb(at):
		err = usagef("%w; give a published repository", err)
	case s == nil:
		err = &releases.SourceError{Repository: "published", URL: source.String(), Err: err}
	}
	return s, ends, err
}

// tell opens, changes or closes the issue.
func (f statusFlags) tell(ctx context.Context, env *factory, finding monitor.Finding) error {
	owner, name, ok := strings.Cut(f.issue, "/")
	if !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		return usagef("--issue %s: want OWNER/NAME", f.issue)
	}
	client, err := github.New(github.Options{
		BaseURL: env.getenv("GITHUB_API_URL"), Token: remote.NewToken(env.getenv("GITHUB_TOKEN")), Policy: env.client(env.logger(env.stderr)).Policy,
	})
	if err != nil {
		return usagef("GITHUB_API_URL: %w", err)
	}
	news, err := finding.Tell(ctx, client, github.Repository{Owner: owner, Name: name}, env.runURL(), f.jobs != "")
	if err != nil || news.State == monitor.Quiet {
		return err
	}
	fmt.Fprintf(env.stderr, "%s: see %s\n", news.State, news.Issue)
	if err := env.send(ctx, news); err != nil { // it makes no night red
		fmt.Fprintf(env.stderr, "warning: %v\n", err)
	}
	return nil
}

// newsVariable holds the URL of a webhook.
const newsVariable = "NIGHTLY_NEWS"

// send sends news to the webhook of the environment, if there is one.
func (env *factory) send(ctx context.Context, news monitor.News) error {
	value := env.getenv(newsVariable)
	if value == "" {
		return nil
	}
	hook, err := monitor.ParseWebhook(value)
	if err != nil {
		return fmt.Errorf("%s %w; nobody is told", newsVariable, err)
	}
	return hook.Send(ctx, remote.NewTransport(), env.client(env.logger(env.stderr)).Policy, news)
}

// runURL is where the run of the workflow can be looked at; empty: there is none.
func (env *factory) runURL() string {
	if env.getenv(actionsVariable) != "true" {
		return ""
	}
	run := env.getenv("GITHUB_SERVER_URL") + "/" + env.getenv("GITHUB_REPOSITORY") + "/actions/runs/" + env.getenv("GITHUB_RUN_ID")
	if again := env.getenv("GITHUB_RUN_ATTEMPT"); again != "" && again != "1" {
		run += "/attempts/" + again
	}
	return run
}

func printStatus(env *factory, s *publish.Status) error {
	if env.resultJSON {
		data, err := json.Marshal(s)
		if err != nil {
			return err
		}
		return writeOut(env.stdout, append(data, '\n'))
	}
	fmt.Fprintf(env.stdout, "Current        %s (%s, %s)\n", s.Snapshot.Title(), markdown.Count(len(s.Snapshots), "snapshot"), markdown.Count(s.Packages, "package"))
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
	for _, note := range s.Notes {
		fmt.Fprintf(env.stdout, "Note           %s\n", note)
	}
	return nil
}
