package composer

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A recorded is what Composer answered; see testdata/record.php.
type recorded struct {
	Versions []struct {
		Version    string
		Normalized *string
		Stability  string
		Order      string
	}
	Constraints []struct {
		Constraint string
		Matches    *string
	}
}

func TestSemverAsRecordedFromComposer(t *testing.T) {
	data, err := os.ReadFile("testdata/semver.json")
	if err != nil {
		t.Fatal(err)
	}
	pairs, matches := compareWithComposer(t, data)
	t.Logf("%d pairs of versions, %d of constraint and version", pairs, matches)
	if pairs < 1000 || matches < 1000 {
		t.Errorf("the table has %d pairs and %d matches, want 1000 of each; was it recorded whole?", pairs, matches)
	}
}

// TestSemverTableIsOfItsInputs makes sure that semver.json was recorded again after inputs.json changed.
func TestSemverTableIsOfItsInputs(t *testing.T) {
	var inputs struct{ Versions, Constraints []string }
	var table recorded
	for file, into := range map[string]any{"testdata/inputs.json": &inputs, "testdata/semver.json": &table} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, into); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	var versions, constraints []string
	for _, row := range table.Versions {
		versions = append(versions, row.Version)
	}
	for _, row := range table.Constraints {
		constraints = append(constraints, row.Constraint)
	}
	if strings.Join(versions, "\n") != strings.Join(inputs.Versions, "\n") ||
		strings.Join(constraints, "\n") != strings.Join(inputs.Constraints, "\n") {
		t.Error("testdata/semver.json is of other inputs; run: php record.php < inputs.json > semver.json")
	}
}

// compareWithComposer compares this package's answers with recorded ones, and counts what it compared.
func compareWithComposer(t *testing.T, data []byte) (pairs, matches int) {
	t.Helper()
	var table recorded
	if err := json.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	var valid []Version
	var orders []string
	for _, row := range table.Versions {
		version, err := ParseVersion(row.Version)
		if row.Normalized == nil {
			if err == nil {
				t.Errorf("ParseVersion(%q) = %s, Composer refuses it", row.Version, version.Normalized())
			}
			continue
		}
		if err != nil || version.Normalized() != *row.Normalized || version.Stability().String() != row.Stability {
			t.Errorf("ParseVersion(%q) = %q, %s, %v; Composer says %q, %s",
				row.Version, version.Normalized(), version.Stability(), err, *row.Normalized, row.Stability)
			// Its row still counts for the others' places.
			version = Version{text: row.Version, normalized: *row.Normalized, order: orderOf(*row.Normalized)}
		}
		valid = append(valid, version)
		orders = append(orders, row.Order)
	}
	for i, v := range valid {
		for j, w := range valid {
			pairs++
			if got, want := v.Compare(w), orders[i][j]; !sameOrder(got, want) {
				t.Errorf("%s Compare %s = %d, Composer says %q", v, w, got, want)
			}
		}
	}
	for _, row := range table.Constraints {
		constraint, err := ParseConstraint(row.Constraint)
		if row.Matches == nil {
			if err == nil {
				t.Errorf("ParseConstraint(%q): no error, Composer refuses it", row.Constraint)
			}
			continue
		}
		if err != nil {
			t.Errorf("ParseConstraint(%q): %v", row.Constraint, err)
			continue
		}
		for i, v := range valid {
			matches++
			if got, want := constraint.Matches(v), (*row.Matches)[i] == '1'; got != want {
				t.Errorf("%q matches %s (%s): %t, Composer says %t", row.Constraint, v, v.Normalized(), got, want)
			}
		}
	}
	return pairs, matches
}

// sameOrder: '?' stands for two branches, which Composer does not order and this package does by name.
func sameOrder(got int, want byte) bool {
	switch want {
	case '<':
		return got < 0
	case '=':
		return got == 0
	case '>':
		return got > 0
	}
	return want == '?' && got != 0
}

// askComposer runs testdata/record.php, and skips the test where PHP or composer/semver is missing.
func askComposer(t *testing.T, versions, constraints []string) []byte {
	t.Helper()
	php, err := exec.LookPath("php")
	if err != nil {
		t.Skip("needs php: ", err)
	}
	if out, err := exec.Command(php, "-r", "require 'Composer/Semver/autoload.php';").CombinedOutput(); err != nil {
		t.Skipf("needs composer/semver on PHP's include path: %v: %s", err, out)
	}
	input, err := json.Marshal(map[string][]string{"versions": versions, "constraints": constraints})
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(php, "testdata/record.php")
	command.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	answer, err := command.Output()
	if err != nil {
		t.Fatalf("php testdata/record.php: %v: %s", err, stderr.String())
	}
	return answer
}
