package ci

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/lines"
)

const lineHelp = "release line: a name that lines shows, or a YAML file"

// lineFlags adds the flags that choose a line.
func lineFlags(cmd *cobra.Command, line *string, with *[]string) {
	cmd.Flags().StringVar(line, "line", "nightly", lineHelp)
	cmd.Flags().StringArrayVar(with, "with", nil, "NAME=FOLDER or NAME=URL#REF: take this repository's source from there; of a folder as it lies there, but for what git ignores; or a pull request, OWNER/REPOSITORY#123")
	complete(cmd, "line", lines.Names()...)
	// An error here is a misspelt flag name, which the tests would show.
	_ = cmd.RegisterFlagCompletionFunc("with", func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		l, err := lines.Load(*line)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoSpace
		}
		names := repositoryNamesOf(l)
		for i := range names {
			names[i] += "="
		}
		return names, cobra.ShellCompDirectiveNoSpace
	})
}

// complete completes the values of a flag.
func complete(cmd *cobra.Command, flag string, values ...string) {
	// An error here is a misspelt flag name, which the tests would show.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(slices.Clone(values), cobra.ShellCompDirectiveNoFileComp))
}

// loadLine loads a line and replaces the sources named by --with.
func loadLine(name string, with []string) (*releases.Line, error) {
	line, err := lines.Load(name)
	if err != nil {
		return nil, err
	}
	for _, override := range with {
		if err := lines.With(line, override); err != nil {
			return nil, err
		}
	}
	return line, nil
}

// noArgs refuses arguments, and says what may be meant.
func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasSubCommands():
		return unknownCommand(cmd, args[0])
	case cmd.Flags().Lookup("line") != nil:
		return fmt.Errorf("%q is neither a flag nor a value of one: did you mean --line %[1]s?", args[0])
	}
	return fmt.Errorf("%q is neither a flag nor a value of one", args[0])
}

// wantCommand makes a command that does nothing itself ask for one of its own.
func wantCommand(cmd *cobra.Command) {
	if !cmd.HasSubCommands() || cmd.Runnable() {
		return
	}
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) > 0:
			return usagef("%w; see %s --help", unknownCommand(cmd, args[0]), cmd.CommandPath())
		case cmd.HasParent():
			return usagef("give a command of %s%s", cmd.CommandPath(), config.Suggest("", commandNames(cmd)))
		}
		return cmd.Help()
	}
}

func unknownCommand(cmd *cobra.Command, name string) error {
	names := commandNames(cmd)
	if _, ok := config.Nearest(name, names); !ok && !cmd.HasParent() {
		return fmt.Errorf("there is no command %q", name) // and too many to list them
	}
	return fmt.Errorf("%s has no command %q%s", cmd.Name(), name, config.Suggest(name, names))
}

func commandNames(cmd *cobra.Command) (names []string) {
	for _, sub := range cmd.Commands() {
		names = append(names, sub.Name())
	}
	return names
}

// wanted are the values of flags by their type.
var wanted = map[string]string{"duration": "a time such as 36h or 90m", "int": "a whole number", "bool": "true or false"}

// flagError says more of a flag that is wrong.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near, ok := config.Nearest(unknown.GetSpecifiedName(), names); ok {
			return fmt.Errorf("%w, did you mean --%s?", err, near)
		}
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		if want := wanted[invalid.GetFlag().Value.Type()]; want != "" {
			return fmt.Errorf("--%s %s: want %s", invalid.GetFlag().Name, invalid.GetValue(), want)
		}
	}
	return err
}

func repositoryNamesOf(l *releases.Line) []string {
	names := make([]string, len(l.Repositories))
	for i, r := range l.Repositories {
		names[i] = r.Name
	}
	return names
}

func commas(words []string) string { return strings.Join(words, ", ") }
