package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish"
)

// number gives a plan the next free number of its day at the target. A plan
// that equals that day's last night, but for the number, is that night again:
// then its number is kept, and publishing will find nothing to do.
func number(ctx context.Context, plan *releases.Plan, to string) error {
	if to == "" {
		return nil
	}
	nights, err := publish.Nights(ctx, to)
	if err != nil {
		return err
	}
	last := slices.IndexFunc(nights, func(n string) bool { return n == plan.Date || strings.HasPrefix(n, plan.Date+".") })
	if last < 0 {
		return nil
	}
	before, err := publishedPlan(to, nights[last])
	if err != nil {
		return err
	}
	if before == nil {
		return nil
	}
	plan.Number = before.Number
	if !samePlan(plan, before) {
		plan.Number++
	}
	return nil
}

// publishedPlan reads the plan of a night at a target; nil when the night has
// no manifest there.
func publishedPlan(to, night string) (*releases.Plan, error) {
	dir := strings.TrimPrefix(to, "file://")
	data, err := os.ReadFile(filepath.Join(dir, "nights", night, releases.ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	manifest, err := releases.ParseManifest(data)
	if err != nil {
		return nil, err
	}
	return &manifest.Plan, nil
}

func samePlan(a, b *releases.Plan) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && string(x) == string(y)
}
