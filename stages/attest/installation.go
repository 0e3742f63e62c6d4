package attest

import (
	"encoding/json"

	testresult "github.com/in-toto/attestation/go/predicates/test_result/v0"
	intoto "github.com/in-toto/attestation/go/v1"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// TestResultType is in-toto's predicate of a test:
// https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md.
const TestResultType = "https://in-toto.io/attestation/test-result/v0.1"

// proven adds the report of the installation, the bill of materials and the statement
// that names both. It is made after the snapshot's bytes, and so it is a statement of its own.
func (o Options) proven(s Subject, files map[string][]byte) error {
	report := *o.Installation
	report.Report = pipeline.Tree{} // a place in a store
	data, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	files[InstallationFile] = append(data, '\n')
	if files[SBOMFile], err = bill(s, o.Installation); err != nil {
		return err
	}
	result := &testresult.TestResult{Result: "PASSED"}
	result.Configuration = []*intoto.ResourceDescriptor{subject(InstallationFile, pipeline.DigestOf(files[InstallationFile]))}
	for _, p := range report.Proven {
		result.PassedTests = append(result.PassedTests, p.Step)
	}
	for _, p := range report.NotProven {
		result.WarnedTests = append(result.WarnedTests, p.Step)
	}
	files[ProvenInstallationFile], err = statement(TestResultType, []*intoto.ResourceDescriptor{
		subject(releases.ManifestName, pipeline.DigestOf(s.Files[releases.ManifestName])),
		subject(InstallationFile, pipeline.DigestOf(files[InstallationFile])),
		subject(SBOMFile, pipeline.DigestOf(files[SBOMFile])),
	}, result)
	return err
}

// ParseInstallation reads an InstallationFile.
func ParseInstallation(data []byte) (*stages.Installation, error) {
	var i stages.Installation
	err := json.Unmarshal(data, &i)
	return &i, err
}
