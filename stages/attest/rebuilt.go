package attest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	testresult "github.com/in-toto/attestation/go/predicates/test_result/v0"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/trust"
)

// RebuiltFile lies beside a snapshot and has what others say who have built it again: a bundle of in-toto, an envelope on each
// line (https://github.com/in-toto/attestation/blob/main/spec/v1/bundle.md).
const RebuiltFile = "rebuilt.intoto.jsonl"

// Rebuilt is the statement about a rebuild of the snapshot of that manifest: the paths of its files that differ, if any.
func Rebuilt(m *releases.Manifest, data []byte, differs []string, b Builder) ([]byte, error) {
	result := &testresult.TestResult{Result: "PASSED", Url: b.Invocation, PassedTests: []string{"reproduce"}, Configuration: []*intoto.ResourceDescriptor{
		{Name: "mageos-nightly " + releases.Program, Uri: DefaultBuilder},
	}}
	if len(differs) > 0 {
		result.Result, result.PassedTests, result.FailedTests = "FAILED", nil, differs
	}
	return statement(TestResultType, snapshotSubjects(m, data), result)
}

// Rebuilds is what rebuilders say of one snapshot.
type Rebuilds struct {
	By     []string            `json:"by"`     // who have built the same bytes, in order
	Differ map[string][]string `json:"differ"` // which files are others, by who says so
	Of     int                 `json:"of"`     // how many are asked
	// Uncounted are lines of the file that do not count, and why.
	Uncounted []string `json:"uncounted"`
}

// CountRebuilds reads a RebuiltFile. A rebuilder counts once, and not for a snapshot with another manifest.
func CountRebuilds(ctx context.Context, data []byte, manifest pipeline.Digest, who trust.Rebuilders) *Rebuilds {
	r := &Rebuilds{By: []string{}, Differ: map[string][]string{}, Of: len(who), Uncounted: []string{}}
	same := map[string]bool{}
	for i, line := range Envelopes(data) {
		found, by, failed, err := OpenRebuilt(ctx, line, who)
		switch {
		case err != nil:
			r.Uncounted = append(r.Uncounted, fmt.Sprintf("line %d %v", i+1, err))
			continue
		case found != manifest:
			r.Uncounted = append(r.Uncounted, fmt.Sprintf("line %d, of %s, is of another snapshot", i+1, by))
			continue
		}
		for _, name := range by {
			same[name] = true
			if len(failed) > 0 {
				r.Differ[name] = failed
			}
		}
	}
	for name := range r.Differ {
		delete(same, name)
	}
	r.By = append(r.By, slices.Sorted(maps.Keys(same))...)
	return r
}

// Envelopes are the lines of a RebuiltFile.
func Envelopes(data []byte) [][]byte {
	return slices.DeleteFunc(bytes.Split(data, []byte("\n")), func(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 })
}

// OpenRebuilt reads an envelope of a Rebuilt: the manifest that it is about, who says it, and what they have found other.
func OpenRebuilt(ctx context.Context, envelope []byte, who trust.Rebuilders) (manifest pipeline.Digest, by, failed []string, err error) {
	payload, by, err := who.Open(ctx, envelope)
	if err != nil {
		return "", nil, nil, err
	}
	s, err := ParseStatement(payload)
	var result testresult.TestResult
	if err == nil && s.Type == TestResultType {
		err = protojson.Unmarshal(s.Predicate, &result)
	}
	switch {
	case err != nil:
		return "", nil, nil, err
	case result.GetResult() == "PASSED" && slices.Equal(result.GetPassedTests(), []string{"reproduce"}):
	case result.GetResult() == "FAILED" && len(result.GetFailedTests()) > 0:
	default:
		return "", nil, nil, fmt.Errorf("says nothing of a rebuild")
	}
	return s.Subjects[releases.ManifestName], by, result.GetFailedTests(), nil
}
