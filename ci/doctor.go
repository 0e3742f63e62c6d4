package ci

import (
	"context"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/ci/tools"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/nightly"
)

func newDoctor(env *factory) *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		Short:   "Say which tools this machine has and which stages they allow",
		Example: "  mageos-nightly doctor",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			address, why, err := container.Find(cmd.Context(), env.getenv)
			if err := doctor(env, err == nil, container.FindSandbox(cmd.Context())); err != nil {
				return err
			}
			return env.doctorEngine(cmd.Context(), address, why, err)
		},
	}
}

// doctor lists tools and stages. With an engine the stages need none of the tools. wall says why
// there is none on this machine.
func doctor(env *factory, engine bool, wall error) error {
	out := tabwriter.NewWriter(env.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(out, "TOOL\tFOUND\tNEEDED FOR")
	for _, t := range slices.Concat(tools.Install, tools.Sandbox, tools.Tests) {
		where := tools.Find(t.Program)
		switch {
		case where != "":
		case engine && !slices.Contains(tools.Tests, t):
			where = "not needed: containers have it"
		default:
			where = "missing: " + t.From()
		}
		fmt.Fprintf(out, "%s\t%s\t%s\n", t.Program, where, t.For)
	}
	fmt.Fprintln(out, "\nSTAGE\tPOSSIBLE\tWHY")
	for _, stage := range nightly.Stages {
		possible, why := "yes", "needs nothing but this program"
		lacking := tools.Missing(tools.Install)
		switch {
		case stage != "install":
		case engine:
			why = "in containers, whose images have PHP, Composer and all services"
		case len(lacking) == 0 && wall == nil:
			why = "php and composer are there, and a wall around package code"
		case len(lacking) == 0:
			possible, why = "alone", "without keys and tokens, because there is no wall around package code: "+wall.Error()
		default:
			possible, why = "no", "no "+lacking[0].Program+" and no container engine: start Docker, or run mageos-nightly nightly with --install-tools or --until build"
		}
		fmt.Fprintf(out, "%s\t%s\t%s\n", stage, possible, why)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return doctorStore(env)
}

// doctorStore says where the store lies and whether it can be written.
func doctorStore(env *factory) error {
	dir, err := env.storePath()
	if err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "\nStore: %s\n", dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return usagef("the store cannot be made: %w; choose another with --store", err)
	}
	probe, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return usagef("the store cannot be written: %w; choose another with --store", err)
	}
	probe.Close()
	return os.Remove(probe.Name())
}

// doctorEngine says whether stages can run in containers, and why.
func (env *factory) doctorEngine(ctx context.Context, address, why string, err error) error {
	text := "yes: " + why
	switch {
	case err != nil:
		text = "no: " + reason(err)
	case address != "":
		text += ": " + address
	}
	fmt.Fprintf(env.stdout, "Containers: %s\n", text)
	for _, removal := range container.Others(ctx) {
		fmt.Fprintf(env.stdout, "Engine of another version, which is left alone; to remove it: %s\n", removal)
	}
	err = container.Visit(ctx, env.getenv, func(engine *container.Engine) error {
		used, most, err := engine.Disk(ctx)
		if err == nil {
			fmt.Fprintf(env.stdout, "Disk of the engine: %s of at most %s; mageos-nightly clean prunes it\n", display.Bytes(used), display.Bytes(most))
		}
		return err
	})
	if err != nil {
		fmt.Fprintf(env.stdout, "The engine cannot be used: %s\n", reason(err))
	}
	return nil
}
