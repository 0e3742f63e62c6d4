package attest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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

func sampleSnapshot(t *testing.T, key *SigningKey) (Subject, map[string][]byte) {
	t.Helper()
	s := sampleSubject(map[string]any{
		"acme/module-a": []string{"OSL-3.0", "AFL-3.0"}, "acme/module-b": "BSD-3-Clause", "acme/project-shop": []string{}, "acme/text": "see the file LICENSE",
	})
	files, err := Options{Key: key, Installation: sampleInstallation(), Builder: Builder{Invocation: "https://example.org/runs/1"}}.Snapshot(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return s, files
}

func newKey(t *testing.T) (*SigningKey, PublicKey, []byte) {
	t.Helper()
	private, public, err := GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseSigningKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := ParsePublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return key, pub, private
}

// The statements are what in-toto and SLSA say: their own types read them strictly,
// and find nothing missing.
func TestStatements(t *testing.T) {
	_, files := sampleSnapshot(t, nil)
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
	key, _, _ := newKey(t)
	_, a := sampleSnapshot(t, key)
	_, b := sampleSnapshot(t, key)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
}

// A signature is by a key; of any key that PEM holds.
func TestVerify(t *testing.T) {
	key, public, _ := newKey(t)
	_, other, _ := newKey(t)
	s, files := sampleSnapshot(t, key)
	said, err := Verify(t.Context(), files[SignedProvenanceFile], []PublicKey{other, public})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Digests(s.Manifest, s.Files[releases.ManifestName]), said.Subjects); diff != "" {
		t.Error(diff)
	}
	if _, err := Verify(t.Context(), files[SignedProvenanceFile], []PublicKey{other}); err == nil {
		t.Error("a signature by another key is taken")
	}
	if _, err := Verify(t.Context(), files[SignedProvenanceFile], nil); err == nil {
		t.Error("a signature is taken without a key")
	}
}

// Keys of the other kinds, in the forms in which openssl writes them, sign and verify;
// none of them takes what another one signed.
func TestKinds(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	type form struct{ private, public []byte }
	der := func(bytes []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	encode := func(kind string, data []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})
	}
	forms := map[string]form{
		"ECDSA": {encode("PRIVATE KEY", der(x509.MarshalPKCS8PrivateKey(ec))), encode("PUBLIC KEY", der(x509.MarshalPKIXPublicKey(&ec.PublicKey)))},
		"RSA":   {encode("PRIVATE KEY", der(x509.MarshalPKCS8PrivateKey(long))), encode("PUBLIC KEY", der(x509.MarshalPKIXPublicKey(&long.PublicKey)))},
		"RSA, as openssl genrsa -traditional": {encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(other)),
			encode("PUBLIC KEY", der(x509.MarshalPKIXPublicKey(&other.PublicKey)))},
	}
	signer, _, _ := newKey(t)
	_, files := sampleSnapshot(t, signer)
	statement := files[ProvenanceFile]
	signed := map[string][]byte{}
	public := map[string]PublicKey{}
	for name, f := range forms {
		key, err := ParseSigningKey(f.private)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if signed[name], err = key.Sign(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if public[name], err = ParsePublicKey(f.public); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := ParsePublicKey(f.private); err == nil {
			t.Errorf("%s: the private key is taken for the public one", name)
		}
		if _, err := ParseSigningKey(f.public); err == nil {
			t.Errorf("%s: the public key is taken for the private one", name)
		}
	}
	for signer := range forms {
		for verifier := range forms {
			got, err := Verify(t.Context(), signed[signer], []PublicKey{public[verifier]})
			if ok := err == nil && got != nil; ok != (signer == verifier) {
				t.Errorf("signed by %s, verified by %s: %v", signer, verifier, err)
			}
		}
	}
	// The statement of one under the signature of the other, by the same key.
	var good, bad map[string]any
	again, err := ParseSigningKey(forms["RSA"].private)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := again.Sign(t.Context(), bytes.Replace(statement, []byte("acme"), []byte("evil"), 1))
	if err = errors.Join(err, json.Unmarshal(signed["RSA"], &good), json.Unmarshal(changed, &bad)); err != nil {
		t.Fatal(err)
	}
	bad["signatures"] = good["signatures"]
	spoilt, err := json.Marshal(bad)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(t.Context(), spoilt, []PublicKey{public["RSA"]}); err == nil {
		t.Error("another text under a signature of RSA is taken")
	}
}

// No way of printing a key shows it, and no error about one.
func TestKeyCannotPrint(t *testing.T) {
	key, _, private := newKey(t)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", key, "options", Options{Key: key})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key, "options", Options{Key: key})
	asJSON, err := json.Marshal(struct{ Key *SigningKey }{key})
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(private)
	seed := block.Bytes[len(block.Bytes)-32:]
	texts := []string{log.String(), string(asJSON)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, key), fmt.Sprintf(verb, Options{Key: key}), fmt.Sprintf(verb, struct{ K any }{key}))
	}
	for _, data := range [][]byte{private[:len(private)/2], append([]byte("-----BEGIN X"), private...), seed} {
		if _, err := ParseSigningKey(data); err == nil {
			t.Error("half a key is taken")
		} else {
			texts = append(texts, err.Error())
		}
	}
	body := strings.Split(string(private), "\n")[1]
	for _, text := range texts {
		for _, secret := range []string{body[20:40], fmt.Sprintf("%x", seed), string(seed), fmt.Sprint(seed)} {
			if strings.Contains(text, secret) {
				t.Errorf("shows the key: %s", text)
			}
		}
	}
	if _, err := ParsePublicKey(private); err == nil {
		t.Error("a private key is taken for a public one")
	}
}

// A statement on a repository is not made older, nor over that of somebody else.
func TestSeal(t *testing.T) {
	key, public, _ := newKey(t)
	now := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	r := Repository{URL: base, Published: now, Snapshots: []SignedSnapshot{{"2026-11-26", pipeline.DigestOf(nil)}}, Withdrawn: []SignedSnapshot{}}
	root := map[string][]byte{"packages.json": []byte("{}")}
	o := Options{Key: key}
	first, err := o.SignRepository(t.Context(), r, root, nil)
	if err != nil {
		t.Fatal(err)
	}
	said, got, err := VerifyRepository(t.Context(), first, []PublicKey{public})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&r, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]pipeline.Digest{"packages.json": pipeline.DigestOf([]byte("{}"))}, said.Subjects); diff != "" {
		t.Error(diff)
	}
	r.Published = now.Add(-time.Second)
	if _, err := o.SignRepository(t.Context(), r, root, first); err == nil || !strings.Contains(err.Error(), "set the clock") {
		t.Errorf("an older statement over a newer one: %v", err)
	}
	stranger, _, _ := newKey(t)
	r.Published = now.Add(time.Hour)
	if _, err := (Options{Key: stranger}).SignRepository(t.Context(), r, root, first); err == nil {
		t.Error("the statement of somebody else is replaced")
	}
}

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
	_, files := sampleSnapshot(t, nil)
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
	files, err := Options{Installation: i}.Snapshot(t.Context(), s)
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
