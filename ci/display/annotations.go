package display

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/mage-os/nightly/releases/lines"
)

// maxAnnotations is how many of a step's errors GitHub shows at the run
// (https://docs.github.com/actions/reference/limits).
const maxAnnotations = 10

// Problems are the problems of a failure: of errors that were joined each is one, with all
// of its lines.
func Problems(failed error) []string {
	if list, ok := failed.(interface{ Unwrap() []error }); ok && failed.Error() == errors.Join(list.Unwrap()...).Error() {
		var all []string
		for _, err := range list.Unwrap() {
			all = append(all, Problems(err)...)
		}
		return all
	}
	if inner := errors.Unwrap(failed); inner != nil {
		all := Problems(inner)
		before, after, found := strings.Cut(failed.Error(), inner.Error())
		if found && len(all) > 1 {
			all[0], all[len(all)-1] = before+all[0], all[len(all)-1]+after
			return all
		}
	}
	return []string{failed.Error()}
}

// placed matches a problem of one of our own YAML files: releases/mine.yaml:12:3: text.
var placed = regexp.MustCompile(`(?s)^(?:stage \w+: |plan: )?([^\s:]+\.ya?ml):(\d+)(?::\d+)?: (.*)$`)

// Annotate writes the problems of a failure as commands of GitHub Actions, which take
// standard error as well:
// standard output can be a result (https://docs.github.com/actions/reference/workflow-commands-for-github-actions).
func Annotate(out io.Writer, command string, failed error) {
	all := Problems(failed)
	for i, problem := range all {
		if i == maxAnnotations-1 && len(all) > maxAnnotations {
			problem = fmt.Sprintf("and %d more: the page of the run has all", len(all)-i)
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
