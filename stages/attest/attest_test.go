package attest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	testresult "github.com/in-toto/attestation/go/predicates/test_result/v0"
	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

const base = "https://nightly.example.org/"

// sampleSubject is a night with packages under these licences.
func sampleSubject(licences map[string]any) Subject {
	m := &releases.Manifest{
		Format: releases.ManifestFormat, Snapshot: "2026-11-26", Program: "0.1.0", Stages: map[string]int{"build": 2},
		Plan: releases.Plan{
			Format: releases.PlanFormat, Date: "2026-11-26", Line: releases.Line{Name: "acme", Vendor: "acme", Install: releases.Install{Project: "project-shop"}},
			Repositories: []releases.PlannedRepository{
				{Name: "shop", URL: "https://example.org/shop.git", Ref: "refs/heads/main", Commit: strings.Repeat("a1", 20), Tag: "2.4.8", TagCommit: strings.Repeat("b2", 20)},
				{Name: "language", URL: "embedded:language", Ref: "refs/heads/main", Commit: strings.Repeat("c3", 20)},
			},
		},
	}
	s := Subject{Manifest: m, Files: map[string][]byte{}, URL: base}
	for _, name := range slices.Sorted(maps.Keys(licences)) {
		version := "2.4.8.1-a20261126+p3"
		m.Packages = append(m.Packages, releases.ManifestPackage{
			Name: name, Version: version, Type: "library", Repository: "shop", Directory: ".", Commit: strings.Repeat("a1", 20),
			Requires: []releases.Requirement{{Name: "php", Constraint: ">=8.1"}, {Name: "psr/log", Constraint: "^3.0"}},
			Dist:     &releases.ManifestDist{Path: "dists/" + name + "-" + version + ".zip", SHA1: strings.Repeat("0", 40), SHA256: pipeline.DigestOf([]byte(name))},
		})
		license, _ := json.Marshal(licences[name])
		s.Files[stages.MetadataDir+"/"+name+".json"] = []byte(fmt.Sprintf(`{"packages":{%q:[{"version":%q,"license":%s}]}}`, name, version, license))
	}
	s.Files[releases.ManifestName], _ = m.Encode()
	return s
}

func sampleInstallation() *stages.Installation {
	return &stages.Installation{
		Snapshot: "2026-11-26", Level: releases.Installed, Report: pipeline.Tree{Digest: "in a store"},
		Proven:    []stages.Proof{{Step: "install", Detail: "3 packages"}},
		NotProven: []stages.Proof{{Step: "audit", Detail: "no advisories"}},
		Packages: []stages.InstalledPackage{
			{Name: "acme/module-a", Version: "2.4.8.1-a20261126+p3", Ours: true, License: []string{"OSL-3.0", "AFL-3.0"}},
			{Name: "psr/log", Version: "3.0.2", License: []string{"MIT"}},
			{Name: "acme/closed", Version: "1.0.0", License: []string{"proprietary"}},
			{Name: "acme/odd", Version: "1.0.0", License: []string{"(MIT and GPL-2.0-only)", "Apache-2.0"}},
			{Name: "acme/none", Version: "v1.0.0"},
		},
	}
}

func sampleSnapshot(t *testing.T) (Subject, map[string][]byte) {
	t.Helper()
	s := sampleSubject(map[string]any{
		"acme/module-a": []string{"OSL-3.0", "AFL-3.0"}, "acme/module-b": "BSD-3-Clause", "acme/project-shop": []string{}, "acme/text": "see the file LICENSE",
	})
	files, err := Options{Installation: sampleInstallation(), Builder: Builder{Invocation: "https://example.org/runs/1"}}.Snapshot(s)
	if err != nil {
		t.Fatal(err)
	}
	return s, files
}

// The statements are what in-toto and SLSA say: their own types read them strictly,
// and find nothing missing.
func TestStatements(t *testing.T) {
	_, files := sampleSnapshot(t)
	want := []string{InstallationFile, ProvenInstallationFile, ProvenanceFile, SBOMFile}
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("files: %q", got)
	}
	var p provenance.Provenance
	predicate(t, files[ProvenanceFile], &p)
	if err := p.Validate(); err != nil {
		t.Errorf("provenance: %v", err)
	}
	var commits []string
	for _, d := range p.GetBuildDefinition().GetResolvedDependencies() {
		commits = append(commits, d.GetName()+" "+d.GetUri()+" "+d.GetDigest()["gitCommit"][:4])
	}
	if diff := cmp.Diff([]string{
		"shop git+https://example.org/shop.git@refs/heads/main a1a1", "shop/2.4.8 git+https://example.org/shop.git@refs/tags/2.4.8 b2b2",
		"language git+embedded:language@refs/heads/main c3c3",
	}, commits); diff != "" {
		t.Error(diff)
	}
	plan := p.GetBuildDefinition().GetExternalParameters().GetFields()["plan"].GetStructValue().GetFields()
	if plan["date"].GetStringValue() != "2026-11-26" {
		t.Errorf("the plan is not among the parameters: %v", plan)
	}
	if got := p.GetRunDetails().GetBuilder().GetId(); got != DefaultBuilder {
		t.Errorf("builder %s", got)
	}
	var r testresult.TestResult
	predicate(t, files[ProvenInstallationFile], &r)
	if r.GetResult() != "PASSED" || !slices.Equal(r.GetPassedTests(), []string{"install"}) || !slices.Equal(r.GetWarnedTests(), []string{"audit"}) {
		t.Errorf("installation: %v", &r)
	}
	if bytes.Contains(files[InstallationFile], []byte("in a store")) {
		t.Error("the report names a place in a store")
	}
}

// predicate reads a statement and its predicate, both strictly.
func predicate(t *testing.T, data []byte, into proto.Message) {
	t.Helper()
	var s intoto.Statement
	if err := protojson.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	body, err := protojson.Marshal(s.GetPredicate())
	if err != nil {
		t.Fatal(err)
	}
	if err := protojson.Unmarshal(body, into); err != nil {
		t.Error(err)
	}
}

// What is said of the same night is the same bytes: ed25519 signs without chance.
func TestSameBytes(t *testing.T) {
	_, a := sampleSnapshot(t)
	_, b := sampleSnapshot(t)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
}

// The bill of materials lists what was built and what was installed, with licences in
// the form that CycloneDX has for each kind.
// cycloneDX is the JSON Schema of CycloneDX, which its Go module brings.
func cycloneDX(t *testing.T) *jsonschema.Schema {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skipf("go list does not find the schema of CycloneDX: %v", err)
	}
	compiler := jsonschema.NewCompiler()
	for url, file := range map[string]string{
		"http://cyclonedx.org/schema/bom-1.6.schema.json":  "bom-1.6.schema.json",
		"http://cyclonedx.org/schema/spdx.schema.json":     "spdx.schema.json",
		"http://cyclonedx.org/schema/jsf-0.82.schema.json": "jsf-0.82.schemax.json",
	} {
		data, err := os.ReadFile(filepath.Join(dir, "schema", file))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource(url, doc); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if schema.Validate(map[string]any{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": "none"}) == nil {
		t.Fatal("the schema accepts everything")
	}
	return schema
}

func validate(t *testing.T, schema *jsonschema.Schema, data []byte) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Error(err)
	}
}

// The bill of materials lists what was built and what was installed, with licences in
// the form that CycloneDX has for each kind.
func TestBill(t *testing.T) {
	schema := cycloneDX(t)
	_, files := sampleSnapshot(t)
	validate(t, schema, files[SBOMFile])
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(files[SBOMFile]), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range *bom.Components {
		got = append(got, c.PackageURL+" "+string(c.Scope)+" "+licenseText(c.Licenses))
	}
	want := []string{
		"pkg:composer/acme/closed@1.0.0 required proprietary",
		"pkg:composer/acme/module-a@2.4.8.1-a20261126%2Bp3 required OSL-3.0 OR AFL-3.0",
		"pkg:composer/acme/module-b@2.4.8.1-a20261126%2Bp3 optional BSD-3-Clause",
		"pkg:composer/acme/none@v1.0.0 required ",
		"pkg:composer/acme/odd@1.0.0 required (MIT AND GPL-2.0-only) OR Apache-2.0",
		"pkg:composer/acme/text@2.4.8.1-a20261126%2Bp3 optional see the file LICENSE",
		"pkg:composer/psr/log@3.0.2 required MIT",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := bom.Metadata.Component; got.Name != "project-shop" || got.Type != cdx.ComponentTypeApplication {
		t.Errorf("it is a bill of %s, a %s", got.Name, got.Type)
	}
}

func licenseText(l *cdx.Licenses) string {
	if l == nil {
		return ""
	}
	var texts []string
	for _, choice := range *l {
		switch {
		case choice.License != nil:
			texts = append(texts, choice.License.ID+choice.License.Name)
		default:
			texts = append(texts, choice.Expression)
		}
	}
	return strings.Join(texts, ", ")
}

// NIGHTLY_SBOM_LOCK is a file: the composer.lock of an installed shop. Its bill lists
// every package with version and licence, and is valid.
func TestBillOfLock(t *testing.T) {
	file := os.Getenv("NIGHTLY_SBOM_LOCK")
	if file == "" {
		t.Skip("NIGHTLY_SBOM_LOCK is not set: the composer.lock of a shop")
	}
	schema := cycloneDX(t)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lock, err := composer.ParseLock(data)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	i := &stages.Installation{Snapshot: "2026-11-26", Level: releases.Installed}
	for _, p := range lock.Packages {
		raw, _ := p.Manifest.Get("license")
		license := composer.License(raw)
		i.Packages = append(i.Packages, stages.InstalledPackage{Name: string(p.Name), Version: p.Version, License: license})
		want[string(p.Name)] = p.Version + " " + strings.Join(license, " OR ")
	}
	s := sampleSubject(map[string]any{"acme/project-shop": "MIT"})
	files, err := Options{Installation: i}.Snapshot(s)
	if err != nil {
		t.Fatal(err)
	}
	validate(t, schema, files[SBOMFile])
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(files[SBOMFile]), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	none := 0
	for _, c := range *bom.Components {
		text := strings.ReplaceAll(licenseText(c.Licenses), ", ", " OR ")
		if text == "" {
			none++
		}
		got[c.Group+"/"+c.Name] = c.Version + " " + text
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	t.Logf("%d packages, %d of them without a licence", len(got), none)
}
