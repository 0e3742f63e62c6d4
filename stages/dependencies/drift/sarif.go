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

// The parts of SARIF 2.1.0 that are written; the names are the standard's.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool               sarifTool                `json:"tool"`
		AutomationDetails  *sarifAutomation         `json:"automationDetails,omitempty"`
		OriginalURIBaseIDs map[string]sarifArtifact `json:"originalUriBaseIds,omitempty"`
		Invocations        []sarifInvocation        `json:"invocations"`
		ColumnKind         string                   `json:"columnKind"`
		Results            []sarifResult            `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID                   string            `json:"id"`
		Name                 string            `json:"name"`
		ShortDescription     sarifText         `json:"shortDescription"`
		FullDescription      sarifText         `json:"fullDescription"`
		Help                 sarifText         `json:"help"`
		DefaultConfiguration sarifConfig       `json:"defaultConfiguration"`
		Properties           sarifRuleProperty `json:"properties"`
	}
	sarifConfig struct {
		Level level `json:"level"`
	}
	sarifRuleProperty struct {
		Tags []string `json:"tags"`
	}
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifAutomation struct {
		ID string `json:"id"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool                `json:"executionSuccessful"`
		Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   level     `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID              string            `json:"ruleId"`
		RuleIndex           int               `json:"ruleIndex"`
		Level               level             `json:"level"`
		Message             sarifText         `json:"message"`
		Locations           []sarifLocation   `json:"locations"`
		RelatedLocations    []sarifLocation   `json:"relatedLocations,omitempty"`
		PartialFingerprints map[string]string `json:"partialFingerprints"`
		BaselineState       string            `json:"baselineState,omitempty"`
	}
	sarifLocation struct {
		ID       int           `json:"id,omitempty"`
		Physical sarifPhysical `json:"physicalLocation"`
		Message  *sarifText    `json:"message,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI         string     `json:"uri,omitempty"`
		URIBaseID   string     `json:"uriBaseId,omitempty"`
		Description *sarifText `json:"description,omitempty"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
)

// fingerprint is the name under which a result is known from run to run.
const fingerprint = "driftKey/v1"

// sarif is the report as SARIF 2.1.0, one run. All findings are in it, also
// those that a baseline knows: GitHub itself remembers what is new.
func (v View) sarif() ([]byte, error) {
	base, bases := v.bases()
	run := sarifRun{
		Tool:               sarifTool{Driver: sarifDriver{Name: "Mage-OS nightly, drift", Version: v.Program, InformationURI: "https://github.com/mage-os/nightly", Rules: rules()}},
		AutomationDetails:  &sarifAutomation{ID: "drift/"},
		OriginalURIBaseIDs: bases, Results: []sarifResult{}, ColumnKind: "utf16CodeUnits",
		Invocations: []sarifInvocation{{ExecutionSuccessful: true}},
	}
	findings := slices.SortedFunc(slices.Values(v.Findings), bySeverity)
	for _, f := range findings[:min(len(findings), maxResults)] {
		run.Results = append(run.Results, v.result(f, base(f.Repository)))
	}
	run.Invocations[0].Notifications = v.notifications(len(findings) - len(run.Results))
	data, err := json.MarshalIndent(sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}}, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write the report as SARIF: %w", err)
	}
	return append(data, '\n'), nil
}

// bases names the folders that paths are relative to: %SRCROOT% if all findings
// are of one repository, as GitHub expects, else one for each.
func (v View) bases() (base func(repository string) string, all map[string]sarifArtifact) {
	repositories := map[string]bool{}
	for _, p := range v.Packages {
		repositories[p.Repository] = true
	}
	base = func(string) string { return "%SRCROOT%" }
	if len(repositories) > 1 {
		base = func(repository string) string { return "%" + strings.ToUpper(repository) + "%" }
	}
	all = map[string]sarifArtifact{}
	for repository := range repositories {
		all[base(repository)] = sarifArtifact{Description: &sarifText{Text: "Root of a clone of repository " + repository + "."}}
	}
	return base, all
}

func rules() []sarifRule {
	list := make([]sarifRule, len(Kinds))
	for i, k := range Kinds {
		t := kindTexts[k]
		list[i] = sarifRule{
			ID: "drift/" + string(k), Name: "Drift" + strings.ToUpper(string(k[:1])) + string(k[1:]),
			ShortDescription: sarifText{Text: sentence(t.title)}, FullDescription: sarifText{Text: t.help},
			Help:                 sarifText{Text: t.help + " " + t.todo, Markdown: t.help + "\n\n**What to do:** " + t.todo},
			DefaultConfiguration: sarifConfig{Level: t.level}, Properties: sarifRuleProperty{Tags: []string{"composer", "dependencies"}},
		}
	}
	return list
}

func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] + "." }

func (v View) result(f Finding, base string) sarifResult {
	sum := sha256.Sum256([]byte(f.Package + "\x00" + string(f.Kind) + "\x00" + f.Require))
	r := sarifResult{
		RuleID: "drift/" + string(f.Kind), RuleIndex: f.Kind.rank(), Level: f.Kind.level(), Message: sarifText{Text: f.message()},
		PartialFingerprints: map[string]string{fingerprint: hex.EncodeToString(sum[:16])},
	}
	if v.Baseline != "" {
		r.BaselineState = "unchanged"
		if v.New[f.Key()] {
			r.BaselineState = "new"
		}
	}
	for i, p := range f.Places {
		l := sarifLocation{Physical: sarifPhysical{
			Artifact: sarifArtifact{URI: (&url.URL{Path: p.Path}).EscapedPath(), URIBaseID: base}, Region: sarifRegion{StartLine: max(1, p.Line)},
		}}
		if i == 0 {
			r.Locations = []sarifLocation{l}
		} else if i <= maxRelated {
			l.ID, l.Message = i, &sarifText{Text: p.How + " " + p.Name}
			r.RelatedLocations = append(r.RelatedLocations, l)
		}
	}
	return r
}

// notifications say what is not among the results.
func (v View) notifications(left int) []sarifNotification {
	var list []sarifNotification
	if left > 0 {
		list = append(list, sarifNotification{levelWarning, sarifText{Text: fmt.Sprintf("%s of the lowest severity left out: GitHub shows no more than %d.", count(left, "finding"), maxResults)}})
	}
	if s := v.Sentence(); s != "" {
		list = append(list, sarifNotification{levelNote, sarifText{Text: s}})
	}
	return list
}

// bySeverity puts the gravest first, since GitHub shows only so many.
func bySeverity(a, b Finding) int {
	return cmp.Or(cmp.Compare(a.Kind.rank(), b.Kind.rank()), a.Key().compare(b.Key()))
}
