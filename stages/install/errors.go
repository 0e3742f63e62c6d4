package install

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/mage-os/nightly/pipeline/gateway"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// A LevelError says at which level an installation failed. Its message is the
// cause's.
type LevelError struct {
	Level releases.Level
	Err   error
}

func (e *LevelError) Error() string { return "level " + string(e.Level) + ": " + e.Err.Error() }
func (e *LevelError) Unwrap() error { return e.Err }

// A MachineError says that this machine or a service is at fault, not the snapshot:
// a program is missing, the disk is full, a database never answered.
type MachineError struct {
	Do  string // what to do about it
	Err error
}

func (e *MachineError) Error() string { return e.Err.Error() + "; " + e.Do }
func (e *MachineError) Unwrap() error { return e.Err }

// machine makes a *MachineError of an error that is one.
func machine(err error) error {
	var known *MachineError
	if errors.As(err, &known) {
		return err
	}
	var failed *stepError
	full := errors.As(err, &failed) && strings.Contains(failed.output, "No space left on device")
	if full || errors.Is(err, syscall.ENOSPC) {
		return &MachineError{Err: err, Do: "make room on the disk"}
	}
	return err
}

// blames is the line of a message that names packages.
func blames(packages []string) string {
	if len(packages) == 0 {
		return ""
	}
	return stages.NamedBy + strings.Join(packages, ", ") + "\n"
}

// A stepError is a command that failed.
type stepError struct {
	step      string
	command   string
	exit      int // -1: it did not exit by itself
	output    string
	log       string   // file with all of the output
	reproduce string   // command
	blamed    []string // packages that the output names
	err       error
}

func (e *stepError) Error() string {
	text := fmt.Sprintf("%s: %v", e.step, e.err)
	if cause := e.cause(); cause != "" {
		text += ": " + cause // the first line is all that some will see
	}
	text += "\n"
	if e.output != "" {
		text += indent(e.output) + "\n"
	}
	text += blames(e.blamed)
	return text + fmt.Sprintf("command: %s\nall output: %s\nto see it again: %s", e.command, e.log, e.reproduce)
}

// told matches a line that says what went wrong, as PHP, the database and Composer's resolver do.
var told = regexp.MustCompile(`Fatal error|Parse error|Uncaught|SQLSTATE|^Your requirements could not be resolved`)

// cause is the line of the output that says what went wrong: else it is the last, as with Symfony's console.
func (e *stepError) cause() (line string) {
	const most = 300
	for next := range strings.Lines(e.output) {
		if next = strings.TrimSpace(next); next == "" {
			continue
		}
		if line = next; told.MatchString(line) {
			break
		}
	}
	return strings.ToValidUTF8(line[:min(len(line), most)], "")
}

func (e *stepError) Unwrap() error { return e.err }

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ")
}

// unreachable is what Composer says when the gateway, or libcurl, could not reach a host.
var unreachable = regexp.MustCompile(`"(\S+?)" file could not be downloaded \(HTTP/\S+ ` + strconv.Itoa(gateway.Unreachable) + `\b|curl error \d+ while downloading (\S+?):? `)

// reachable makes a *releases.SourceError of a failed Composer command that could
// not reach a third-party repository.
func (s *shop) reachable(err error) error {
	var failed *stepError
	if !errors.As(err, &failed) {
		return err
	}
	found := unreachable.FindStringSubmatch(joinLines(failed.output))
	if found == nil || strings.HasPrefix(found[2], s.base) {
		return err
	}
	return &releases.SourceError{Repository: "third-party packages", URL: found[1] + found[2], Err: err}
}

// joinLines undoes the line breaks that Composer puts into boxed messages, where
// the URL can be cut in two.
func joinLines(text string) string {
	return boxBreak.ReplaceAllString(text, "")
}

var boxBreak = regexp.MustCompile(` {2,}\n {2,}`)
