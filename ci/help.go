package ci

import (
	"bytes"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// flagGroup is the annotation of a flag that has the heading under which help shows it.
const flagGroup = "group"

// The headings of flags in help, which sorts them.
const (
	flagsOfAll        = "Flags"
	flagsOfPublishing = "Flags for publishing"
	flagsOfProof      = "Flags for the proof"
	flagsOfRunner     = "Flags for where stages run"
	flagsOfWorkflow   = "Flags for workflows"
)

// grouped adds flags that help shows under a heading of their own.
func grouped(cmd *cobra.Command, title string, adds ...func(*cobra.Command)) {
	before := map[string]bool{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) { before[f.Name] = true })
	for _, add := range adds {
		add(cmd)
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !before[f.Name] {
			f.Annotations = map[string][]string{flagGroup: {title}}
		}
	})
}

// groupFlags lets help show the flags of commands under their headings, and within the width
// of the terminal.
func groupFlags(root *cobra.Command) {
	usual := root.UsageFunc()
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		var text bytes.Buffer
		out := cmd.OutOrStderr()
		cmd.SetOut(&text)
		err := usual(cmd)
		cmd.SetOut(out)
		width, _, _ := term.GetSize(int(os.Stdout.Fd())) // 0 where it is no terminal: nothing is wrapped
		local, inherited := trimUsages(cmd.LocalFlags(), 0), trimUsages(cmd.InheritedFlags(), 0)
		help := strings.Replace(text.String(), flagsOfAll+":\n"+local, flagUsages(cmd, width), 1)
		if inherited != "" {
			help = strings.Replace(help, inherited, trimUsages(cmd.InheritedFlags(), width), 1)
		}
		_, errOut := io.WriteString(out, help)
		if err == nil {
			err = errOut
		}
		return err
	})
}

func trimUsages(flags *pflag.FlagSet, width int) string {
	return strings.TrimRight(flags.FlagUsagesWrapped(width), " \n")
}

// flagUsages are the flags of a command itself, under their headings.
func flagUsages(cmd *cobra.Command, width int) string {
	groups := map[string]*pflag.FlagSet{}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		title := flagsOfAll
		if own := f.Annotations[flagGroup]; len(own) > 0 {
			title = own[0]
		}
		if groups[title] == nil {
			groups[title] = pflag.NewFlagSet(title, pflag.ContinueOnError)
		}
		groups[title].AddFlag(f)
	})
	var parts []string
	for _, title := range slices.Sorted(maps.Keys(groups)) {
		parts = append(parts, title+":\n"+trimUsages(groups[title], width))
	}
	return strings.Join(parts, "\n\n")
}
