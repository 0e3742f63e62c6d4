package ci

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/mage-os/nightly/releases/lines"
)

// The variables by which GitHub Actions speaks to a program
// (https://docs.github.com/actions/reference/variables-reference).
const (
	actionsVariable = "GITHUB_ACTIONS"      // "true" there
	pageVariable    = "GITHUB_STEP_SUMMARY" // file that a step's page is added to
)

// maxAnnotations is how many of a step's errors GitHub shows at the run
// (https://docs.github.com/actions/reference/limits).
const maxAnnotations = 10

// tellActions tells GitHub Actions what became of a run: annotations for what
// failed, and a page for people. Elsewhere it does nothing, but with --summary. It
// changes nothing of the run's own result.
func (env *factory) tellActions(command string, failed error) {
	if failed != nil && env.getenv(actionsVariable) == "true" {
		annotate(env.stderr, command, problemsOf(failed))
	}
	file := env.page
	if file == "" {
		file = env.getenv(pageVariable)
	}
	if file == "" {
		return
	}
	if page := env.pageOf(command, failed); page != "" {
		if err := appendFile(file, page); err != nil {
			fmt.Fprintf(env.stderr, "mageos-nightly: the page about this run could not be written: %v\n", err)
		}
	}
}

func appendFile(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// problemsOf are the problems of a failure, one a line, as the terminal shows them.
func problemsOf(failed error) []string {
	var all []string
	for line := range strings.Lines(failed.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// placed matches a problem of one of our own YAML files: releases/mine.yaml:12:3: text.
var placed = regexp.MustCompile(`^(?:stage \w+: |plan: )?([^\s:]+\.ya?ml):(\d+)(?::\d+)?: (.*)$`)

// annotate writes commands of GitHub Actions, which take standard error as well:
// standard output can be a result (https://docs.github.com/actions/reference/workflow-commands-for-github-actions).
func annotate(out io.Writer, command string, problems []string) {
	for i, problem := range problems {
		if i == maxAnnotations-1 && len(problems) > maxAnnotations {
			problem = fmt.Sprintf("and %d more: the page of the run has all", len(problems)-i)
		}
		if i == maxAnnotations {
			return
		}
		place := ""
		if at := placed.FindStringSubmatch(problem); at != nil {
			place, problem = "file="+property(lineFile(at[1]))+",line="+at[2]+",", at[3]
		}
		fmt.Fprintf(out, "::error %stitle=%s::%s\n", place, property(command), message(problem))
	}
}

// lineFile is where the file of a line lies in a checkout: those that the program
// carries have no folder.
func lineFile(name string) string {
	for _, carried := range lines.Names() {
		if name == carried+".yaml" {
			return "releases/" + name
		}
	}
	return name
}

// message and property escape as the runner reads it back.
func message(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

func property(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(message(text))
}
