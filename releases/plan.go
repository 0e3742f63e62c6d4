package releases

import (
	"fmt"
	"strconv"
)

// Program is the version of this program. It stands in manifests, and is a
// constant because a version control stamp differs between ways to build.
const Program = "0.1.0"

// A Plan is one night of a release line resolved to facts: whoever has it can
// rebuild that night. It holds everything that comes over the network and
// decides bytes; no run id and no time of day.
type Plan struct {
	Format  int    `json:"format"`  // of this file: PlanFormat
	Program string `json:"program"` // that made the plan
	Line    Line   `json:"line"`    // the effective line
	// Date is the UTC day, as 2026-11-24.
	Date string `json:"date"`
	// Number is 0 for the first night of a day, 1 for the second, …
	Number       int                 `json:"number"`
	Repositories []PlannedRepository `json:"repositories"` // in the line's order
	// Replace maps an upstream package to the version that ours replaces.
	Replace map[string]string `json:"replace"`
	// LatestTags maps the URL of each require's repository to its latest tag.
	LatestTags map[string]string `json:"latest-tags"`
}

// PlanFormat is the format of plan files that this program reads and writes.
const PlanFormat = 1

// A PlannedRepository is a repository with its ref resolved.
type PlannedRepository struct {
	Name   string `json:"name"`
	URL    string `json:"url"`
	Ref    string `json:"ref"`    // full: refs/heads/main
	Commit string `json:"commit"` // 40 hexadecimal digits
	// Tag is the latest release, in Adobe's order, and TagCommit the commit that
	// it stands for (not the tag object). Both are empty in a repository that
	// has no release yet.
	Tag       string `json:"tag"`
	TagCommit string `json:"tag-commit"`
	Local     bool   `json:"local"`
	// Notes say which tags were left out and why.
	Notes []string `json:"notes"`
}

// Night is the name of the night: its date, and its number if there was one
// before on the same day: 2026-11-24, 2026-11-24.1.
func (p *Plan) Night() string {
	if p.Number == 0 {
		return p.Date
	}
	return p.Date + "." + strconv.Itoa(p.Number)
}

// Local reports whether a source was replaced by --with.
func (p *Plan) Local() bool {
	for _, r := range p.Repositories {
		if r.Local {
			return true
		}
	}
	return false
}

// Repository gives the planned repository of that name.
func (p *Plan) Repository(name string) (PlannedRepository, bool) {
	for _, r := range p.Repositories {
		if r.Name == name {
			return r, true
		}
	}
	return PlannedRepository{}, false
}

// Summary implements pipeline.Summarizer.
func (p *Plan) Summary() string {
	return fmt.Sprintf("%s of %s: %d repositories", p.Night(), p.Line.Name, len(p.Repositories))
}
