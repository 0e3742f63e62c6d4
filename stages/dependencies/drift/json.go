package drift

import (
	"encoding/json"
	"fmt"
)

// reportFormat is the version of the JSON format: raised when a field goes, or
// changes its meaning.
const reportFormat = 1

// document is the report as JSON.
type document struct {
	Format   int       `json:"format"`
	Title    string    `json:"title"`
	Program  string    `json:"program"`
	Baseline string    `json:"baseline"` // file; empty: none
	Totals   totals    `json:"totals"`
	Index    bool      `json:"index"`
	Packages []Package `json:"packages"`
	// Findings are all, the known ones too.
	Findings   []markedFinding `json:"findings"`
	Gone       []goneFinding   `json:"gone"`
	Provided   []Provided      `json:"provided"`
	Unknown    []Unknown       `json:"unknown"`
	BlindSpots []BlindSpot     `json:"blind-spots"`
	Problems   []Problem       `json:"problems"`
	Missing    []string        `json:"missing"`
}

type totals struct {
	Packages int          `json:"packages"`
	Clean    int          `json:"clean"` // packages without a finding
	Findings map[Kind]int `json:"findings"`
	New      map[Kind]int `json:"new"`
	// Alarming are the new unreachable ones; the command fails if there is one.
	Alarming int `json:"alarming"`
}

type markedFinding struct {
	Finding
	New bool `json:"new"` // not in the baseline
}

type goneFinding struct {
	Package string `json:"package"`
	Kind    Kind   `json:"kind"`
	Require string `json:"require"`
}

func (v View) json() ([]byte, error) {
	d := document{
		Format: reportFormat, Title: v.Title, Program: v.Program, Baseline: v.Baseline,
		Totals: totals{
			Packages: len(v.Packages), Clean: v.Clean(), Alarming: len(v.Alarming()),
			Findings: map[Kind]int{}, New: map[Kind]int{},
		},
		Index: v.Index, Packages: v.Packages, Findings: []markedFinding{}, Gone: []goneFinding{},
		Provided: v.Provided, Unknown: v.Unknown, BlindSpots: v.BlindSpots, Problems: v.Problems, Missing: v.Missing,
	}
	for _, k := range Kinds {
		d.Totals.Findings[k], d.Totals.New[k] = v.Count(k), v.countNew(k)
	}
	for _, f := range v.Findings {
		d.Findings = append(d.Findings, markedFinding{f, v.New[f.Key()]})
	}
	for _, k := range v.Gone {
		d.Gone = append(d.Gone, goneFinding(k))
	}
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the report as JSON: %w", err)
	}
	return append(data, '\n'), nil
}
