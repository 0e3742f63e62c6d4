package ci

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/releases"
)

// A programVersion says which program this is.
type programVersion struct {
	Program  string `json:"program"` // as in plans and manifests
	Dagger   string `json:"dagger"`  // of the library, and so of the engines that it can use
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Commit   string `json:"commit,omitempty"` // what it was built from; empty: not known
	Modified bool   `json:"modified"`         // files differed from the commit
}

func newVersion(env *factory) *cobra.Command {
	var f resultFlags
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say which program this is: version, commit, Dagger, Go",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := thisVersion()
			if f.format == "json" {
				return env.writeJSON(v)
			}
			commit := v.Commit
			switch {
			case commit == "":
				commit = "not known"
			case v.Modified:
				commit += ", and changes"
			}
			_, err := fmt.Fprintf(env.stdout, "mageos-nightly %s\ncommit  %s\ndagger  %s\ngo      %s %s\n", v.Program, commit, v.Dagger, v.Go, v.Platform)
			return err
		},
	}
	env.addResult(cmd, &f, "text", "json")
	return cmd
}

// commit is what releases are built from, which the linker sets: their archives are built of a clone
// in which Go may stamp none.
var commit string

// thisVersion is that of the running program. Go stamps the commit where it builds in a clone.
func thisVersion() programVersion {
	v := programVersion{Program: releases.Program, Commit: commit, Dagger: container.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
