package composer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/mage-os/nightly/pipeline/golden"
)

// nights are versions of one package, in the order in which Composer sorts them, newest first.
var snapshots = []string{
	"104.0.9", "104.0.8.1", "104.0.8.1-a20260806", "104.0.8.1-a20260805.10+p3", "104.0.8.1-a20260805.2+p3",
	"104.0.8.1-a20260805.1+p3", "104.0.8.1-a20260805+p3", "104.0.8-p10", "104.0.8-p3", "104.0.8", "104.0.8-beta1", "dev-main",
}

func packageVersion(t *testing.T, version string) PackageVersion {
	t.Helper()
	m := parse(t, fmt.Sprintf(`{"name":"example/module-catalog","version":%q,"type":"magento2-module","require":{"php":"~8.3.0"}}`, version))
	return PackageVersion{Manifest: m, Dist: &Dist{
		Type: "zip", URL: "https://repo.example.org/dists/example/module-catalog-" + strings.ReplaceAll(version, "+", "%2B") + ".zip",
		Reference: "4f2c5d7a8b9e0f1a2b3c4d5e6f708192a3b4c5d6", SHASum: "da39a3ee5e6b4b0d3255bfef95601890afd80709",
	}}
}

func snapshotVersions(t *testing.T) []PackageVersion {
	t.Helper()
	var versions []PackageVersion
	for _, snapshot := range snapshots {
		versions = append(versions, packageVersion(t, snapshot))
	}
	return versions
}

func TestEncodeMetadata(t *testing.T) {
	versions := snapshotVersions(t)
	forward, err := EncodeMetadata("example/module-catalog", versions)
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "testdata/metadata.golden", forward)
	slices.Reverse(versions)
	backward, err := EncodeMetadata("example/module-catalog", versions)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(forward, backward) {
		t.Errorf("another order of the versions gives other bytes:\n%s", backward)
	}
	if diff := cmp.Diff(snapshotVersions(t)[len(snapshots)-1], versions[0]); diff != "" {
		t.Errorf("encoding changed the manifest that it was given: %s", diff)
	}
}

func TestEncodeMetadataOfMetapackage(t *testing.T) {
	m := parse(t, `{"name":"example/product","description":"","version":"2.4.8","type":"metapackage","dist":{"old":1},"version_normalized":"x","require":{}}`)
	got, err := EncodeMetadata("example/product", []PackageVersion{{Manifest: m}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"packages":{"example/product":[{"name":"example/product","description":"","version":"2.4.8","version_normalized":"2.4.8.0","type":"metapackage","require":{}}]}}` + "\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestEncodeMetadataRefuses(t *testing.T) {
	tests := []struct {
		name, want string
		versions   []PackageVersion
	}{
		{"the same version written twice", "cannot tell version 104.0.8.0 from 104.0.8 ",
			[]PackageVersion{packageVersion(t, "104.0.8"), packageVersion(t, "104.0.9"), packageVersion(t, "104.0.8.0")}},
		{"build metadata alone", "cannot tell version 1.0+p4 from 1.0+p3 ",
			[]PackageVersion{packageVersion(t, "1.0+p3"), packageVersion(t, "1.0+p4")}},
		{"no version", `version ""`, []PackageVersion{{Manifest: parse(t, `{"name":"example/module-catalog"}`)}}},
		{"another name", `has the name "a/b"`, []PackageVersion{{Manifest: parse(t, `{"name":"a/b","version":"1.0"}`)}}},
		{"no manifest", "no manifest", []PackageVersion{{}}},
		{"what Composer cannot load", `conflict a/b: constraint "~>1"`,
			[]PackageVersion{{Manifest: parse(t, `{"name":"example/module-catalog","version":"1.0","type":"metapackage","conflict":{"a/b":"~>1"}}`)}}},
		{"no files", "without dist;", []PackageVersion{{Manifest: packageVersion(t, "1.0").Manifest}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := EncodeMetadata("example/module-catalog", test.versions)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want in it %q", err, test.want)
			}
		})
	}
}

// What a repository says, the sources do not.
func TestEncodeMetadataOfUnauthoredKeys(t *testing.T) {
	m := parse(t, `{"name":"a/b","version":"1.0","type":"metapackage","source":{"type":"git","url":"https://evil.example/x.git","reference":"main"},
		"notification-url":"https://evil.example/","transport-options":{},"default-branch":true,"installation-source":"source","uid":1,"abandoned":"a/c"}`)
	got, err := EncodeMetadata("a/b", []PackageVersion{{Manifest: m}})
	want := `{"packages":{"a/b":[{"name":"a/b","version":"1.0","version_normalized":"1.0.0.0","type":"metapackage","abandoned":"a/c"}]}}` + "\n"
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}

// TestAuthoredBySchema compares with the schema that Composer ships; a newer one may have keys that this one does not.
func TestAuthoredBySchema(t *testing.T) {
	for key := range composerSchema(t, "composer-schema.json").Properties {
		ours := slices.Contains([]string{"source", "dist", "default-branch"}, key)
		if slices.Contains(authored, key) == ours {
			t.Errorf("%q: it is for a repository to say: %t", key, ours)
		}
	}
}

// TestMetadataBySchema checks each entry by the schema that Composer ships. That one still has the versions of a package
// as an object, as Composer 1 did, so the list is turned into one.
func TestMetadataBySchema(t *testing.T) {
	schema := composerSchema(t, "composer-repository-schema.json")
	encoded, err := EncodeMetadata("example/module-catalog", snapshotVersions(t))
	if err != nil {
		t.Fatal(err)
	}
	var metadata struct{ Packages map[string][]map[string]any }
	if err := json.Unmarshal(encoded, &metadata); err != nil {
		t.Fatal(err)
	}
	packages := map[string]any{}
	for name, entries := range metadata.Packages {
		byVersion := map[string]any{}
		for _, entry := range entries {
			byVersion[entry["version"].(string)] = entry
		}
		packages[name] = byVersion
	}
	if err := schema.Validate(map[string]any{"packages": packages}); err != nil {
		t.Error(err)
	}
	broken := map[string]any{"packages": map[string]any{"a/b": map[string]any{"1.0": map[string]any{"name": "a/b"}}}}
	if schema.Validate(broken) == nil {
		t.Error("the schema takes an entry without version; does it check anything?")
	}
}

func TestManifestsBySchema(t *testing.T) {
	schema := composerSchema(t, "composer-schema.json")
	m := packageVersion(t, "104.0.8.1-a20260805.1+p3").Manifest
	if err := m.SetAfter("name", "description", "A module"); err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(m.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Error(err)
	}
}

// composerSchema is a schema that the installed Composer ships; the test is skipped where there is none.
func composerSchema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	php, err := exec.LookPath("php")
	if err != nil {
		t.Skip("needs php: ", err)
	}
	folder, err := exec.Command(php, "-r", `require 'Composer/autoload.php'; echo dirname(Composer\Json\JsonFile::COMPOSER_SCHEMA_PATH);`).Output()
	if err != nil {
		t.Skipf("needs Composer on PHP's include path: %v: %s", err, folder)
	}
	file := filepath.Join(string(folder), name)
	if _, err := os.Stat(file); err != nil {
		t.Skipf("needs Composer's %s: %v", name, err)
	}
	schema, err := jsonschema.NewCompiler().Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestComposerReadsMetadata asks Composer itself which versions it sees in the metadata, and in which order.
func TestComposerReadsMetadata(t *testing.T) {
	composer, err := exec.LookPath("composer")
	if err != nil {
		t.Skip("needs composer: ", err)
	}
	encoded, err := EncodeMetadata("example/module-catalog", snapshotVersions(t))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	project := fmt.Sprintf(`{"minimum-stability":"dev","repositories":[{"type":"composer","url":"file://%s"},{"packagist.org":false}]}`, folder)
	for file, content := range map[string]string{"packages.json": string(encoded), "composer.json": project} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(composer, "show", "--available", "--format=json", "--no-interaction", "--no-plugins", "--working-dir", folder, "example/module-catalog")
	command.Env = append(os.Environ(), "COMPOSER_HOME="+t.TempDir(), "COMPOSER_CACHE_DIR="+t.TempDir(), "COMPOSER_ALLOW_SUPERUSER=1")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("composer show: %v\n%s", err, stderr.String())
	}
	var shown struct{ Versions []string }
	if err := json.Unmarshal(out, &shown); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(snapshots, shown.Versions); diff != "" {
		t.Errorf("Composer shows other versions (-ours +Composer's):\n%s", diff)
	}
}
