package nightly

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish"
)

// installStage is the stage to which the level of a place belongs.
const installStage = "install"

// Places are where a run can fail, in their order: its stages, and each level of the installation; what fails in the
// installation without a level comes behind all of them.
func Places() []string {
	var places []string
	for _, stage := range Stages {
		if stage == installStage {
			for _, level := range releases.Levels() {
				places = append(places, installStage+" "+string(level))
			}
		}
		places = append(places, stage)
	}
	return places
}

// failedLevel is how an installation says at which level it failed, in a container as well.
var failedLevel = regexp.MustCompile(`\blevel ([a-z]+): `)

// Place is where a run failed, one of Places; empty: in no stage.
func Place(failed error) string {
	var stage *pipeline.StageError
	if !errors.As(failed, &stage) {
		return ""
	}
	name, _, _ := strings.Cut(stage.Stage, " ") // of a cell
	first, _, _ := strings.Cut(stage.Err.Error(), "\n")
	if found := failedLevel.FindStringSubmatch(first); name == installStage && found != nil && slices.Contains(releases.Levels(), releases.Level(found[1])) {
		return name + " " + found[1]
	}
	return name
}

// To are options that go no further than a place; empty: as they are.
func (o Options) To(place string) Options {
	stage, level, _ := strings.Cut(place, " ")
	if stage != "" {
		o.Until = stage
	}
	if level != "" {
		o.Prove.Level = releases.Level(level)
	}
	return o
}

// The exit codes of a command that judges, as git bisect run has them.
const (
	judgeSkips = 125
	judgeMax   = 127
)

// Judged reports whether a run says nothing of its plan: it failed before the command that judges, or that wants it to be
// skipped. The error is that the command did not judge.
func Judged(failed error) (skip bool, err error) {
	if failed == nil {
		return false, nil
	}
	first, _, _ := strings.Cut(failed.Error(), "\n")
	// What a step printed stands behind its own status: so the first one counts.
	step, status, exited := strings.Cut(first, ": exit status ")
	if step = step[strings.LastIndex(step, " ")+1:]; step != stages.JudgeStep {
		if !exited && strings.Contains(first, stages.JudgeStep+": ") {
			return false, failed // it was ended
		}
		return true, nil
	}
	status, _, _ = strings.Cut(status, ":")
	switch code, err := strconv.Atoi(status); {
	case err != nil || code > judgeMax:
		return false, fmt.Errorf("the command that judges ended with %s, which is neither good nor bad: %w", status, failed)
	default:
		return code == judgeSkips, nil
	}
}

// reportDir is the folder with the report of a run's first cell, or of the one that failed; empty: nothing was installed.
func reportDir(r *runner.Runner, made Result, failed error) string {
	cell := ""
	var stage *pipeline.StageError
	switch {
	case errors.As(failed, &stage):
		name, of, _ := strings.Cut(stage.Stage, " ")
		if name != installStage {
			return ""
		}
		cell = of
	case made.first() == nil:
		return ""
	case r.InContainers():
		cell = made.first().Cell.Name()
	}
	if cell != "" {
		cell = "-" + cell
	}
	return filepath.Join(r.Dir, "install", made.Plan.Line.Name+cell, "report")
}

// KeepReport copies the report of a run's installation to a file, and gives that; empty: there is none.
func KeepReport(r *runner.Runner, made Result, failed error, to string) (string, error) {
	dir := reportDir(r, made, failed)
	if dir == "" {
		return "", nil
	}
	data, err := files.Read(filepath.Join(dir, stages.ReportFile), files.Large)
	if err != nil {
		return "", nil //nolint:nilerr // what was reused has none here
	}
	return to, files.Replace(to, data)
}

// InstalledOthers are the versions of third-party packages that a run installed; nil if unknown.
func InstalledOthers(r *runner.Runner, made Result, failed error) map[string]string {
	if failed == nil && made.first() != nil {
		return made.first().Others()
	}
	dir := reportDir(r, made, failed)
	if dir == "" {
		return nil
	}
	data, err := files.Read(filepath.Join(dir, stages.InstallationFile), files.Large)
	return othersIn(data, err)
}

// Others are the versions of third-party packages with which a published night was proven; nil if unknown.
func Others(ctx context.Context, at publish.Repository, name releases.SnapshotName) map[string]string {
	data, err := at.File(ctx, name, attest.InstallationFile)
	return othersIn(data, err)
}

func othersIn(data []byte, err error) map[string]string {
	if err != nil {
		return nil
	}
	i, err := attest.ParseInstallation(data)
	if err != nil {
		return nil
	}
	return i.Others()
}
