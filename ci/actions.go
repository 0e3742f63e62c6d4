package ci

import (
	"errors"
	"fmt"
	"os"

	"github.com/mage-os/nightly/ci/display"
)

// The variables by which GitHub Actions speaks to a program
// (https://docs.github.com/actions/reference/variables-reference).
const (
	actionsVariable = "GITHUB_ACTIONS"      // "true" there
	pageVariable    = "GITHUB_STEP_SUMMARY" // file that a step's page is added to
)

// tellActions tells GitHub Actions what became of a run: annotations for what
// failed, and a page for people. Elsewhere it does nothing, but with --summary. It
// changes nothing of the run's own result.
func (env *factory) tellActions(command string, failed error) {
	if failed != nil && env.getenv(actionsVariable) == "true" {
		display.Annotate(env.stderr, command, failed)
	}
	file := env.page
	if file == "" {
		file = env.getenv(pageVariable)
	}
	if file == "" {
		return
	}
	if page := display.Page(command, env.shown, env.said, failed, exitCode(failed)); page != "" {
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
