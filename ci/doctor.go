package ci

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/ci/tools"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/nightly"
)

// A diagnosis is what the doctor found of a machine.
type diagnosis struct {
	Tools  []foundTool     `json:"tools"`
	Stages []possibleStage `json:"stages"`
	Store  string          `json:"store"`
	Engine foundEngine     `json:"containers"`
}

// A foundTool is a program, where it is or how to come by it, and what needs it.
type foundTool struct {
	Program string `json:"program"`
	Found   string `json:"found"` // its path; empty: it is not there
	Advice  string `json:"advice,omitempty"`
	For     string `json:"for"`
}

// A possibleStage is a stage, and whether the machine can run it: yes, no or alone.
type possibleStage struct {
	Stage    string `json:"stage"`
	Possible string `json:"possible"`
	Why      string `json:"why"`
}

// A foundEngine is the engine in whose containers stages run, if one answers.
type foundEngine struct {
	Answers bool     `json:"answers"`
	Why     string   `json:"why"`
	Disk    string   `json:"disk,omitempty"`
	Problem string   `json:"problem,omitempty"`
	Others  []string `json:"others,omitempty"` // commands that remove engines of other versions
}

func newDoctor(env *factory) *cobra.Command {
	var f resultFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say which tools this machine has and which stages they allow",
		Example: `  mageos-nightly doctor
  mageos-nightly doctor --format json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			engine := env.findEngine(cmd.Context())
			d := diagnose(engine.Answers, container.FindSandbox(cmd.Context()))
			d.Engine = engine
			var err error
			if d.Store, err = env.probeStore(); err != nil {
				return err
			}
			if f.format == "json" {
				return env.writeJSON(d)
			}
			return d.print(env.stdout)
		},
	}
	env.addResult(cmd, &f, "text", "json")
	return cmd
}

// diagnose looks for tools, and what they allow. With an engine the stages need none of them.
// wall says why there is none on this machine.
func diagnose(engine bool, wall error) (d diagnosis) {
	for _, t := range slices.Concat(tools.Install, tools.Sandbox, tools.Tests) {
		found := foundTool{Program: t.Program, Found: tools.Find(t.Program), For: t.For}
		switch {
		case found.Found != "":
		case engine && !slices.Contains(tools.Tests, t):
			found.Advice = "not needed: containers have it"
		default:
			found.Advice = "missing: " + t.From()
		}
		d.Tools = append(d.Tools, found)
	}
	lacking := tools.Missing(tools.Install)
	for _, stage := range nightly.Stages {
		possible, why := "yes", "needs nothing but this program"
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
		d.Stages = append(d.Stages, possibleStage{stage, possible, why})
	}
	return d
}

// print writes a diagnosis for people.
func (d diagnosis) print(to io.Writer) error {
	out := tabwriter.NewWriter(to, 0, 8, 2, ' ', 0)
	fmt.Fprintln(out, "TOOL\tFOUND\tNEEDED FOR")
	for _, t := range d.Tools {
		fmt.Fprintf(out, "%s\t%s\t%s\n", t.Program, cmp.Or(t.Found, t.Advice), t.For)
	}
	fmt.Fprintln(out, "\nSTAGE\tPOSSIBLE\tWHY")
	for _, s := range d.Stages {
		fmt.Fprintf(out, "%s\t%s\t%s\n", s.Stage, s.Possible, s.Why)
	}
	answers := map[bool]string{true: "yes", false: "no"}[d.Engine.Answers]
	fmt.Fprintf(out, "\nStore: %s\nContainers: %s: %s\n", d.Store, answers, d.Engine.Why)
	for _, removal := range d.Engine.Others {
		fmt.Fprintf(out, "Engine of another version, which is left alone; to remove it: %s\n", removal)
	}
	if d.Engine.Disk != "" {
		fmt.Fprintf(out, "Disk of the engine: %s; mageos-nightly clean prunes it\n", d.Engine.Disk)
	}
	if d.Engine.Problem != "" {
		fmt.Fprintf(out, "The engine cannot be used: %s\n", d.Engine.Problem)
	}
	return out.Flush()
}

// probeStore gives where the store lies, if it can be written.
func (env *factory) probeStore() (string, error) {
	dir, err := env.storePath()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", usagef("the store cannot be made: %w; choose another with --store", err)
	}
	probe, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return "", usagef("the store cannot be written: %w; choose another with --store", err)
	}
	probe.Close()
	return dir, os.Remove(probe.Name())
}

// findEngine says whether stages can run in containers, and why.
func (env *factory) findEngine(ctx context.Context) foundEngine {
	address, why, err := container.Find(ctx, env.getenv)
	found := foundEngine{Answers: err == nil, Why: why, Others: container.Others(ctx)}
	switch {
	case err != nil:
		found.Why = reason(err)
	case address != "":
		found.Why += ": " + address
	}
	if err = container.Visit(ctx, env.getenv, func(engine *container.Engine) error {
		used, most, err := engine.Disk(ctx)
		if err == nil {
			found.Disk = fmt.Sprintf("%s of at most %s", display.Bytes(used), display.Bytes(most))
		}
		return err
	}); err != nil {
		found.Problem = reason(err)
	}
	return found
}
