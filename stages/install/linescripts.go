package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// runScripts runs the line's PHP scripts in the installed project and looks for
// the texts that they have to print.
func (s *shop) runScripts(ctx context.Context) error {
	var printed strings.Builder
	for _, script := range s.candidate.Install.Run {
		log, err := s.runScript(ctx, script)
		if err != nil {
			return err
		}
		printed.WriteString(readFrom(log, 0))
		s.prove("run", "%s", script)
	}
	var missing []error
	for _, text := range s.candidate.Install.Expect {
		if !strings.Contains(printed.String(), text) {
			missing = append(missing, fmt.Errorf("no script printed %q", text))
			continue
		}
		s.prove("expect", "%s", text)
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("install.expect: %w\nthis is what %s printed:\n%s\nall output: %s\nto see it again: %s",
		errors.Join(missing...), strings.Join(s.candidate.Install.Run, ", "), indent(lastLines(printed.String())), s.dir.path("logs"), s.scriptsAgain())
}

func (s *shop) runScript(ctx context.Context, script string) (log string, err error) {
	if !fs.ValidPath(script) {
		return "", fmt.Errorf("install.run: %q is no path in the project", script)
	}
	if info, err := os.Stat(filepath.Join(s.project(), filepath.FromSlash(script))); err != nil || !info.Mode().IsRegular() {
		return "", fmt.Errorf("install.run: the installed project has no file %s; correct the release line, or the package that should bring it", script)
	}
	return s.run(ctx, command{step: "run " + script, dir: s.project(), args: s.script(script)})
}

// script is the command that runs a script, with its errors where they are seen.
func (s *shop) script(script string) []string {
	return []string{s.programs.php, "-d", "display_errors=stderr", filepath.FromSlash(script)}
}

func (s *shop) scriptsAgain() string {
	commands := make([]string, len(s.candidate.Install.Run))
	for i, script := range s.candidate.Install.Run {
		commands[i] = quoteAll(s.script(script))
	}
	return "cd " + quote(s.project()) + " && " + strings.Join(commands, " && ")
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
