package nightly

import (
	"fmt"
	"path/filepath"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
)

// ReadPlan reads a plan that was saved.
func ReadPlan(file string) (*releases.Plan, error) {
	data, err := files.Read(file, files.Large)
	if err != nil {
		return nil, &releases.ConfigError{Err: fmt.Errorf("read plan: %w; make one with mageos-nightly plan --out %s", err, file)}
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

// PlanFile is the file in the store's folder that keeps the plan of a line's snapshot.
func PlanFile(store, line, snapshot string) string {
	return filepath.Join(store, "plans", line+"-"+snapshot+".json")
}

// KeepPlan keeps the plan of a run in the store's folder.
func KeepPlan(store string, plan *releases.Plan) (file string, err error) {
	name := string(plan.Snapshot())
	if plan.Local() {
		name += "-local" // not the plan of that night of the line
	}
	file = PlanFile(store, plan.Line.Name, name)
	return file, WritePlan(file, plan)
}
