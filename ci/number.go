package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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
	if plan.Number, err = numberOf(nights[last]); err != nil {
		return err
	}
	if !isNight(plan, to, nights[last]) {
		plan.Number++
	}
	return nil
}

// numberOf is the number in the name of a night: 1 of 2026-11-24.1.
func numberOf(night string) (int, error) {
	_, n, second := strings.Cut(night, ".")
	if !second {
		return 0, nil
	}
	number, err := strconv.Atoi(n)
	if err != nil {
		return 0, fmt.Errorf("night %s at the target: %w", night, err)
	}
	return number, nil
}

// isNight reports whether a night at a target was built from this very plan. One
// whose manifest cannot be read, because another program wrote it, was not.
func isNight(plan *releases.Plan, to, night string) bool {
	dir := strings.TrimPrefix(to, "file://")
	data, err := os.ReadFile(filepath.Join(dir, "nights", night, releases.ManifestName))
	if err != nil {
		return false
	}
	manifest, err := releases.ParseManifest(data)
	return err == nil && samePlan(plan, &manifest.Plan)
}

func samePlan(a, b *releases.Plan) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && string(x) == string(y)
}
