package nightly

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/lines"
)

// ReadPlan reads a plan that was saved.
func ReadPlan(file string) (*releases.Plan, error) {
	data, err := files.Read(file, files.Large)
	if err != nil {
		return nil, config.Errorf("read plan: %w; make one with mageos-nightly plan --out %s", err, file)
	}
	plan, err := releases.ParsePlan(data)
	if err == nil {
		err = lines.Check(&plan.Line)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return plan, nil
}

// WritePlan saves a plan, so that it can be built again.
func WritePlan(file string, plan *releases.Plan) error {
	data, err := plan.Encode()
	if err != nil {
		return err
	}
	return files.Replace(file, data)
}

// KeepPlan keeps the plan of a run in the store's folder. Its name ends in its digest: two
// lines may have one name, and a line may be planned twice on a day.
func KeepPlan(store string, plan *releases.Plan) (file string, err error) {
	data, err := plan.Encode()
	if err != nil {
		return "", err
	}
	name := string(plan.Snapshot())
	switch {
	case plan.Preview != nil:
		name += "-" + plan.Preview.Label
	case plan.Local():
		name += "-local" // not the plan of that night of the line
	}
	file = planFile(store, plan.Line.Name, name, string(pipeline.DigestOf(data)[:12]))
	return file, files.Replace(file, data)
}

// KeptPlan is the file of the only plan of a line's snapshot that the store's folder keeps.
func KeptPlan(store, line string, snapshot releases.SnapshotName) (string, error) {
	kept, err := filepath.Glob(planFile(store, line, string(snapshot), strings.Repeat("[0-9a-f]", 12)))
	switch {
	case err != nil:
		return "", err
	case len(kept) == 0:
		return "", config.Errorf("%s of %s was not built with this store; give its plan, or build it with mageos-nightly nightly", snapshot.Title(), line)
	case len(kept) > 1:
		return "", config.Errorf("%d plans of %s of %s were built with this store; give one of them:\n%s", len(kept), snapshot.Title(), line, strings.Join(kept, "\n"))
	}
	return kept[0], nil
}

func planFile(store, line, snapshot, digest string) string {
	return filepath.Join(store, "plans", line+"-"+snapshot+"-"+digest+".json")
}
