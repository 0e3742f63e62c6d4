package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline"
)

// waitDelay is how long the output of something that outlived its command is
// waited for.
const waitDelay = 5 * time.Second

// A command is one program run of an installation.
type command struct {
	step  string // for people and for the log's name
	dir   string
	args  []string // the first is the program
	extra []string // environment beside the common one
	// secrets are parts of arguments that nobody may see, by the name of the variable
	// from which reproduce.sh reads them.
	secrets map[string]string
	// served says that it needs the served snapshot, and third-party repositories.
	served bool
	line   func(string) // sees each line of output; may be nil
	exit   *int         // gets the exit code, which is then no error; may be nil
}

// run runs a command and gives the path of its log, which holds all output. The
// error of a command that fails is a *stepError.
func (s *shop) run(ctx context.Context, c command) (log string, err error) {
	s.commands++
	log = s.dir.path(filepath.Join("logs", fmt.Sprintf("%d-%s.log", s.commands, fileName(c.step))))
	file, err := os.Create(log)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	output := &output{log: file, line: func(line string) {
		s.progress(c.step, c.hide(line))
		if c.line != nil {
			c.line(line)
		}
	}}
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	group(cmd)
	cmd.Dir, cmd.Env, cmd.WaitDelay = c.dir, append(s.environ(), c.extra...), waitDelay
	if c.served {
		cmd.Env = append(cmd.Env, s.throughGateway()...)
	}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.ExtraFiles = s.dir.inherited()
	s.progress(c.step, "")
	began := s.options.Now()
	failed := cmd.Run()
	_ = endGroup(cmd) // what it left in the background; mostly nothing
	s.record(c.step, began, peakMemory(cmd.ProcessState))
	output.end()
	switch {
	case ctx.Err() != nil:
		return log, fmt.Errorf("%s: %w", c.step, ctx.Err())
	case output.err != nil:
		return log, fmt.Errorf("%s: write %s: %w", c.step, log, output.err)
	case c.exit != nil && cmd.ProcessState.Exited():
		*c.exit = cmd.ProcessState.ExitCode()
	case failed != nil:
		return log, s.failure(ctx, c, log, cmd, failed, output)
	}
	return log, nil
}

// runPHP runs a script of ours with PHP.
func (s *shop) runPHP(ctx context.Context, c command, script []byte, args ...string) error {
	file := s.dir.path("tmp/" + fileName(c.step) + ".php")
	if err := os.WriteFile(file, script, 0o644); err != nil {
		return err
	}
	c.args = append([]string{s.programs.php, file}, args...)
	_, err := s.run(ctx, c)
	return err
}

// lines runs a command and gives the lines of its output, of one that fails too.
func (s *shop) lines(ctx context.Context, c command) (lines []string, err error) {
	c.line = func(line string) { lines = append(lines, line) }
	_, err = s.run(ctx, c)
	return lines, err
}

func (s *shop) failure(ctx context.Context, c command, log string, cmd *exec.Cmd, failed error, o *output) error {
	e := &stepError{step: c.step, command: c.shown(), exit: -1, output: c.hide(o.last()), log: log, err: failed}
	e.blamed = s.blame(e.output)
	var exit *exec.ExitError
	if errors.As(failed, &exit) {
		e.exit = exit.ExitCode()
	}
	if cmd.Process == nil {
		return &MachineError{Err: fmt.Errorf("%s: start %s: %w", c.step, c.args[0], failed), Do: "install one that runs"}
	}
	reproduce, err := s.reproduce(ctx, c)
	if err != nil {
		return errors.Join(e, fmt.Errorf("write the script that runs the step again: %w", err))
	}
	e.reproduce = reproduce
	return e
}

// shown is the command as words of a shell, with variables in place of its secrets.
func (c command) shown() string { return c.quoted(c.args) }

// quoted writes words for a shell, with variables in place of the secrets.
func (c command) quoted(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = quote(word)
		if hidden := c.hide(word); hidden != word {
			quoted[i] = `"` + hidden + `"`
		}
	}
	return strings.Join(quoted, " ")
}

// hide puts the names of variables in place of the secrets.
func (c command) hide(text string) string {
	for name, secret := range c.secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "$"+name)
		}
	}
	return text
}

// progress tells which command runs, and the last line of its output.
func (s *shop) progress(command, line string) {
	s.options.Progress(pipeline.Step{Stage: stageName, Item: command, Detail: line, Done: s.done, Total: s.total, Unit: pipeline.Steps})
}

// tailLines is how many of the last lines of a failed command an error holds.
const tailLines = 30

// An output takes what a command writes: all into the log, and line by line to
// who watches. It keeps the last lines, and everything from where Composer's
// resolver begins to explain.
type output struct {
	log     io.Writer
	line    func(string)
	rest    []byte // of a line that has not ended
	tail    []string
	explain bool
	err     error
}

// maxLine bounds a line that never ends, in bytes, and maxExplained the lines
// of an explanation.
const (
	maxLine      = 1 << 16
	maxExplained = 2000
)

func (o *output) Write(p []byte) (int, error) {
	if o.err == nil {
		_, o.err = o.log.Write(p)
	}
	o.rest = append(o.rest, p...)
	for {
		end := bytes.IndexByte(o.rest, '\n')
		if end < 0 {
			break
		}
		o.take(string(o.rest[:end]))
		o.rest = o.rest[end+1:]
	}
	if len(o.rest) > maxLine {
		o.take(string(o.rest))
		o.rest = nil
	}
	// The command goes on also when the log cannot be written; run tells.
	return len(p), nil
}

// end takes a last line that no line break ended.
func (o *output) end() {
	if len(o.rest) > 0 {
		o.take(string(o.rest))
		o.rest = nil
	}
}

func (o *output) take(line string) {
	line = strings.TrimRight(line, "\r")
	o.line(line)
	if strings.HasPrefix(line, "Your requirements could not be resolved") {
		o.explain, o.tail = true, nil
	}
	o.tail = append(o.tail, line)
	keep := tailLines
	if o.explain {
		keep = maxExplained
	}
	if len(o.tail) > keep {
		o.tail = o.tail[len(o.tail)-keep:]
	}
}

// synopsis matches the line with which Symfony's console, and so bin/magento and Composer,
// ends an error: how the command is called, several kilobytes for setup:install.
var synopsis = regexp.MustCompile(`^[a-z][\w:-]* (\[-|\[<|<).*[\]>]$`)

// last is the end of the output, without that line.
func (o *output) last() string {
	text := strings.Trim(strings.Join(o.tail, "\n"), "\n")
	end := strings.LastIndexByte(text, '\n') + 1
	if synopsis.MatchString(text[end:]) {
		text = strings.TrimRight(text[:end], "\n")
	}
	return text
}

// fileName makes a step's name one of a file.
func fileName(step string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' {
			return r
		}
		return '-'
	}, step)
}
