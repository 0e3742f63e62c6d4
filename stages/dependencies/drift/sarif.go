package drift

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/owenrumney/go-sarif/v2/sarif"

	"github.com/mage-os/nightly/pipeline/markdown"
)

// What GitHub takes of a SARIF file, by its documentation "SARIF support for
// code scanning": 25,000 results of a run, of which the first 5,000 by severity
// are shown, 1,000 locations of a result of which 100 are shown, and 10 MB when
// it is compressed. Less is written, so that nothing is dropped unseen.
const (
	maxResults = 5000
	maxRelated = 4
)

// sarifSchema is where OASIS publishes the schema of SARIF 2.1.0.
const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// fingerprint is the name under which a result is known from run to run.
const fingerprint = "driftKey/v1"

// sarif is the report as SARIF 2.1.0, one run. All findings are in it, also
// those that a baseline knows: GitHub itself remembers what is new.
func (v View) sarif() ([]byte, error) {
	base, bases := v.bases()
	run := &sarif.Run{
		Tool: sarif.Tool{Driver: &sarif.ToolComponent{
			Name: "Mage-OS nightly, drift", InformationURI: new("https://github.com/mage-os/nightly"), Rules: rules(),
		}},
		AutomationDetails:  &sarif.RunAutomationDetails{ID: new("drift/")},
		OriginalUriBaseIDs: bases, Results: []*sarif.Result{}, ColumnKind: "utf16CodeUnits",
	}
	if v.Program != "" {
		run.Tool.Driver.Version = &v.Program
	}
	// The gravest first, since GitHub shows only so many.
	findings := slices.SortedFunc(slices.Values(v.Findings), func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Kind.rank(), b.Kind.rank()), a.Key().compare(b.Key()))
	})
	for _, f := range findings[:min(len(findings), maxResults)] {
		result, err := v.result(f, base(f.Repository))
		if err != nil {
			return nil, err
		}
		run.Results = append(run.Results, result)
	}
	run.Invocations = []*sarif.Invocation{{
		ExecutionSuccessful: new(true), ToolExecutionNotifications: v.notifications(len(findings) - len(run.Results)),
	}}
	data, err := json.MarshalIndent(sarif.Report{Schema: sarifSchema, Version: "2.1.0", Runs: []*sarif.Run{run}}, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write the report as SARIF: %w", err)
	}
	return append(data, '\n'), nil
}

// bases names the folders that paths are relative to: %SRCROOT% if all findings
// are of one repository, as GitHub expects, else one for each.
func (v View) bases() (base func(repository string) string, all map[string]*sarif.ArtifactLocation) {
	repositories := map[string]bool{}
	for _, p := range v.Packages {
		repositories[p.Repository] = true
	}
	base = func(string) string { return "%SRCROOT%" }
	if len(repositories) > 1 {
		base = func(repository string) string { return "%" + strings.ToUpper(repository) + "%" }
	}
	all = map[string]*sarif.ArtifactLocation{}
	for repository := range repositories {
		all[base(repository)] = &sarif.ArtifactLocation{Description: sarif.NewTextMessage("Root of a clone of repository " + repository + ".")}
	}
	return base, all
}

func rules() []*sarif.ReportingDescriptor {
	list := make([]*sarif.ReportingDescriptor, len(Kinds))
	for i, k := range Kinds {
		t := k.text()
		list[i] = sarif.NewRule("drift/" + string(k)).WithName("Drift" + strings.ToUpper(string(k[:1])) + string(k[1:])).
			WithDescription(sentence(t.Title)).WithFullDescription(sarif.NewMultiformatMessageString(t.Help)).
			WithHelp(sarif.NewMultiformatMessageString(t.Help + " " + t.Todo).WithMarkdown(t.Help + "\n\n**What to do:** " + t.Todo)).
			WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(string(t.Level))).
			WithProperties(sarif.Properties{"tags": []string{"composer", "dependencies"}})
	}
	return list
}

func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] + "." }

func (v View) result(f Finding, base string) (*sarif.Result, error) {
	message, err := f.say("message")
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(f.Package + "\x00" + string(f.Kind) + "\x00" + f.Require))
	r := sarif.NewRuleResult("drift/" + string(f.Kind)).WithRuleIndex(f.Kind.rank()).WithLevel(string(f.Kind.text().Level)).
		WithMessage(sarif.NewTextMessage(message)).
		WithPartialFingerPrints(map[string]any{fingerprint: hex.EncodeToString(sum[:16])})
	if v.Baseline != "" {
		r.BaselineState = new("unchanged")
		if f.New {
			r.BaselineState = new("new")
		}
	}
	for i, p := range f.Places {
		l := sarif.NewLocationWithPhysicalLocation(sarif.NewPhysicalLocation().WithRegion(sarif.NewRegion().WithStartLine(max(1, p.Line))).
			WithArtifactLocation(sarif.NewArtifactLocation().WithUri((&url.URL{Path: p.Path}).EscapedPath()).WithUriBaseId(base)))
		if i == 0 {
			r.Locations = []*sarif.Location{l}
		} else if i <= maxRelated {
			r.RelatedLocations = append(r.RelatedLocations, l.WithId(i).WithMessage(sarif.NewTextMessage(p.How+" "+p.Name)))
		}
	}
	return r, nil
}

// notifications say what is not among the results.
func (v View) notifications(left int) (list []*sarif.Notification) {
	if left > 0 {
		text := fmt.Sprintf("%s of the lowest severity left out: GitHub shows no more than %d.", markdown.Count(left, "finding"), maxResults)
		list = append(list, sarif.NewNotification().WithLevel(string(levelWarning)).WithTextMessage(text))
	}
	if s := v.Sentence(); s != "" {
		list = append(list, sarif.NewNotification().WithLevel(string(levelNote)).WithTextMessage(s))
	}
	return list
}
