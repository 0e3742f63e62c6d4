package drift

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v2/sarif"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/tools/txtar"

	"github.com/mage-os/nightly/pipeline/golden"
)

// sample is the report of testdata/view.txtar.
func sample(t *testing.T) Report {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/view.txtar")
	if err != nil {
		t.Fatal(err)
	}
	return folder(t, archive, nil)
}

func render(t *testing.T, format string, v View) []byte {
	t.Helper()
	data, err := Render(format, v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// knownOf is a baseline that knows all of a report but what is unreachable, and
// one thing that is gone.
func knownOf(t *testing.T, r Report) Baseline {
	t.Helper()
	b := BaselineOf(r)
	for _, f := range r.Findings {
		if f.Kind == Unreachable {
			delete(b, f.Key())
		}
	}
	b[Key{"magento/module-order", Unused, "magento/module-long-gone"}] = true
	return b
}

func TestRender(t *testing.T) {
	r := sample(t)
	for _, kind := range Kinds {
		if r.totals().Findings[kind] == 0 {
			t.Errorf("testdata/view.txtar has no finding of kind %s", kind)
		}
	}
	views := map[string]View{
		"all":      {Report: Baseline{}.Compare(r, false), Title: "Sample shop", Program: "1.2.3", All: true},
		"default":  {Report: Baseline{}.Compare(r, false), Title: "Sample shop", Program: "1.2.3"},
		"baseline": {Report: knownOf(t, r).Compare(r, false), Title: "Sample shop", Program: "1.2.3", Baseline: "drift.json"},
	}
	for name, view := range views {
		for _, format := range Formats {
			t.Run(name+"/"+format, func(t *testing.T) {
				got := render(t, format, view)
				golden.Compare(t, "testdata/golden/"+name+"."+format, got)
				if format == JSON || format == SARIF {
					if !json.Valid(got) {
						t.Error("it is not valid JSON")
					}
				}
			})
		}
	}
	if _, err := Render("xml", View{}); err == nil || !strings.Contains(err.Error(), "text, json, markdown, sarif") {
		t.Errorf("error %v; want one that names the formats", err)
	}
}

// many is a report with more findings than GitHub takes.
func many() Report {
	r := Report{Packages: []Package{{Name: "acme/a", Repository: "a"}, {Name: "acme/b", Repository: "b"}}}
	for i := range 7000 {
		kind := Tests
		if i%100 == 0 {
			kind = Unreachable
		}
		r.Findings = append(r.Findings, Finding{
			Package: "acme/a", Kind: kind, Require: fmt.Sprintf("vendor/%04d", i), Repository: "a", Manifest: "composer.json", Constraint: "*",
			Places: []Place{{Path: "a file with spaces/" + strings.Repeat("x", 150) + ".php", Line: i, Name: `Vendor\Thing`, How: "new"}},
		})
	}
	return r
}

// GitHub takes 25,000 results, shows 5,000, and takes a summary of a mebibyte.
func TestLimits(t *testing.T) {
	v := View{Report: Baseline{}.Compare(many(), false), Title: "many", All: true}
	var log sarif.Report
	if err := json.Unmarshal(render(t, SARIF, v), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if len(run.Results) != maxResults {
		t.Errorf("%d results, want %d", len(run.Results), maxResults)
	}
	for i, r := range run.Results {
		if wantError := i < 70; wantError != (*r.Level == string(levelError)) {
			t.Fatalf("result %d has level %s; want all errors first", i, *r.Level)
		}
	}
	if n := run.Invocations[0].ToolExecutionNotifications; len(n) != 1 || !strings.Contains(*n[0].Message.Text, "2000 findings") {
		t.Errorf("notifications %v; want one that says how many were left out", n)
	}
	markdown := render(t, Markdown, v)
	if len(markdown) > 1<<20 || !bytes.Contains(markdown, []byte("the JSON report has them")) {
		t.Errorf("Markdown of %d bytes; want less than a mebibyte, and a word about what is left out", len(markdown))
	}
}

// The essentials of SARIF, and what GitHub needs of it.
func TestSARIF(t *testing.T) {
	r := sample(t)
	var log sarif.Report
	if err := json.Unmarshal(render(t, SARIF, View{Report: Baseline{}.Compare(r, false)}), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if log.Version != "2.1.0" || len(log.Runs) != 1 || len(run.Results) != len(r.Findings) {
		t.Fatalf("version %s, %d runs, %d results; want 2.1.0, one, %d", log.Version, len(log.Runs), len(run.Results), len(r.Findings))
	}
	prints := map[string]bool{}
	for _, result := range run.Results {
		rule := run.Tool.Driver.Rules[*result.RuleIndex]
		if rule.ID != *result.RuleID || *rule.Help.Text == "" || rule.DefaultConfiguration.Level != *result.Level {
			t.Errorf("result of %s has rule %+v", *result.RuleID, rule)
		}
		if (*result.Level == string(levelError)) != (*result.RuleID == "drift/unreachable") {
			t.Errorf("result of %s has level %s", *result.RuleID, *result.Level)
		}
		at, line := result.Locations[0].PhysicalLocation.ArtifactLocation, *result.Locations[0].PhysicalLocation.Region.StartLine
		if len(result.Locations) != 1 || line < 1 || *at.URIBaseId != "%SRCROOT%" || strings.HasPrefix(*at.URI, "/") {
			t.Errorf("result of %s lies at %s, line %d", *result.RuleID, *at.URI, line)
		}
		if _, ok := run.OriginalUriBaseIDs[*at.URIBaseId]; !ok {
			t.Errorf("base %s is not described", *at.URIBaseId)
		}
		prints[result.PartialFingerprints[fingerprint].(string)] = true
	}
	if len(prints) != len(run.Results) || prints[""] {
		t.Errorf("%d fingerprints for %d results; want one each", len(prints), len(run.Results))
	}
}

// A use that moves to another line is no new result.
func TestFingerprint(t *testing.T) {
	print := func(change func(*Finding)) string {
		t.Helper()
		f := Finding{Package: "a/a", Kind: Tests, Require: "b/b", Places: []Place{{Path: "A.php", Line: 1}}}
		change(&f)
		result, err := View{}.result(f, "")
		if err != nil {
			t.Fatal(err)
		}
		return result.PartialFingerprints[fingerprint].(string)
	}
	first := print(func(*Finding) {})
	if again := print(func(f *Finding) { f.Places, f.Constraint, f.Uses = []Place{{Path: "B.php", Line: 7}}, "^2", 9 }); again != first {
		t.Errorf("fingerprint %s after a move, want %s", again, first)
	}
	for name, change := range map[string]func(*Finding){
		"package": func(f *Finding) { f.Package = "a/b" }, "kind": func(f *Finding) { f.Kind = Unused }, "require": func(f *Finding) { f.Require = "b/c" },
	} {
		if print(change) == first {
			t.Errorf("another %s has the same fingerprint", name)
		}
	}
}

// NIGHTLY_SARIF_SCHEMA is a file: OASIS's JSON Schema of SARIF 2.1.0.
func TestSARIFSchema(t *testing.T) {
	file := os.Getenv("NIGHTLY_SARIF_SCHEMA")
	if file == "" {
		t.Skip("NIGHTLY_SARIF_SCHEMA is not set: a file with the JSON Schema that OASIS publishes")
	}
	schema, err := jsonschema.NewCompiler().Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(map[string]any{"version": "2.1.0"}); err == nil {
		t.Fatal("the schema accepts a file without runs; is it that of SARIF?")
	}
	for name, r := range map[string]Report{"sample": sample(t), "many": many(), "nothing": {}} {
		for _, b := range []string{"", "drift.json"} {
			v := View{Report: Baseline{}.Compare(r, false), Program: "1.2.3", Baseline: b}
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(render(t, SARIF, v)))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(doc); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// What could not be known is said, and at most five packages of it by name.
func TestNotes(t *testing.T) {
	r := Report{Missing: []string{"a/1", "a/2", "a/3", "a/4", "a/5", "a/6", "a/7"}}
	for _, test := range []struct {
		view View
		want string
	}{
		{View{Report: r}, "7 required packages was called unreachable, since it is not known what they require: a/1, a/2, a/3, a/4, a/5 and 2 more (--all names them).\n\nNo composer.lock"},
		{View{Report: r, All: true}, ": a/1, a/2, a/3, a/4, a/5, a/6, a/7.\n\nNo composer.lock"},
	} {
		for _, format := range []string{Text, Markdown} {
			if got := string(render(t, format, test.view)); !strings.Contains(got, test.want) {
				t.Errorf("%s is %s; want %q in it", format, got, test.want)
			}
		}
	}
	if got := string(render(t, Text, View{Report: Report{Index: true}})); strings.Contains(got, "No composer.lock") || strings.Contains(got, "Nothing that needs") {
		t.Errorf("text of a report that knows all is %s", got)
	}
}

// What a repository's files are called cannot break the tables.
func TestMark(t *testing.T) {
	if got, want := markers.Replace("a|b<script>_c_`d`\n*e* [f]"), "a\\|b&lt;script&gt;\\_c\\_\\`d\\` \\*e\\* \\[f]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
