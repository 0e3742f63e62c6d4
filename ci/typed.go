package ci

import (
	"io"
	"os"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// programName is how messages call the program.
const programName = "mageos-nightly"

// typedName is how the program was called, so that a command of a message can be pasted.
func typedName(arg0 string) string {
	switch {
	case strings.Contains(arg0, "/go-build"): // go run
		if _, err := os.Stat("ci/mageos-nightly/main.go"); err == nil {
			return "go run ./ci/mageos-nightly"
		}
		info, ok := debug.ReadBuildInfo()
		if !ok {
			return programName
		}
		return "go run " + info.Path + "@latest"
	case strings.Contains(arg0, "/"):
		return arg0
	}
	return programName
}

// A typedWriter puts the name that was typed in the place of the program's, where one of its
// commands follows. The path of a program in a container stays.
type typedWriter struct {
	io.Writer
	commands *regexp.Regexp
	name     string
}

// Write implements io.Writer.
func (w typedWriter) Write(p []byte) (int, error) {
	if _, err := w.Writer.Write(w.commands.ReplaceAll(p, []byte("${1}"+w.name+" $2"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// untyped is a writer that puts nothing in the place of what is written: machines read it.
func untyped(w io.Writer) io.Writer {
	if typed, ok := w.(typedWriter); ok {
		return typed.Writer
	}
	return w
}

// asTyped lets the messages of a command line name the program as it was typed. What is run by
// machines, and what is sourced by a shell, keeps its name.
func (env *factory) asTyped(root *cobra.Command, args []string) {
	name := typedName(args[0])
	if name == programName || len(args) > 1 && args[1] == "stage" {
		return
	}
	commands := regexp.MustCompile(`(^|[^/\w])` + programName + ` (` + strings.Join(append(commandNames(root), "--help"), "|") + `)\b`)
	env.stderr = typedWriter{env.stderr, commands, name}
	if len(args) < 2 || !strings.Contains(args[1], "complet") {
		env.stdout = typedWriter{env.stdout, commands, name}
	}
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
}
