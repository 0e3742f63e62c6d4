package install

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// tested are the sources of a night whose packages have unit tests, with something in the place
// of PHPUnit: what a test file returns becomes of its tests.
func tested(t *testing.T, tests map[string]string) map[string]*source {
	t.Helper()
	sources := tiny()
	files := sources[project].files
	files[phpUnit] = string(readFile(t, "testdata/phpunit.php"))
	files[unitDir+"/bootstrap.php"] = "<?php"
	files[unitConfig] = `<phpunit bootstrap="./bootstrap.php"><testsuites><testsuite name="a"/></testsuites><php><ini name="a" value="b"/></php>
		<extensions><extension class="Qameta\Allure\PHPUnit\AllureExtension"><arguments/></extension></extensions></phpunit>`
	sources[greeter].files["Test/Unit/GreetingTest.php"] = "<?php return " + tests[greeter] + ";"
	// What it deploys is tested where it is deployed.
	sources[base] = &source{
		manifest: `{"name":"` + base + `","version":"` + version + `","type":"magento2-component","extra":{"map":[["setup","setup"]]}}`,
		files:    map[string]string{"setup/Test/Unit/SetupTest.php": "<?php return ['testDeployed' => 'in the package'];", "dev/Test/Unit/DevTest.php": "<?php exit(3);"},
	}
	files["setup/Test/Unit/SetupTest.php"] = "<?php return " + tests[base] + ";"
	sources["tiny-os/product-community-edition"].manifest = strings.Replace(sources["tiny-os/product-community-edition"].manifest,
		`"require":{`, `"require":{"`+base+`":"`+version+`",`, 1)
	return sources
}

func TestUnitTests(t *testing.T) {
	needTools(t)
	const passes = "['testGood' => '', 'testOther' => 'skipped']"
	const sees = `['testText with data set "a"' => '', 'testText with data set "b"' => "Failed asserting that 1 is 2\n\nvendor/tiny-os/module-greeting/Greeting.php:3"]`
	of := func(name, test, message string, state stages.Failure) stages.FailedTest {
		return stages.FailedTest{Package: name, Test: test, Message: message, State: state}
	}
	text := of(greeter, `Tiny\GreetingTest::testText with data set "b"`, "Failed asserting that 1 is 2\n\nvendor/tiny-os/module-greeting/Greeting.php:3", stages.NewFailure)
	known := text
	known.State = stages.KnownFailure
	tests := map[string]struct {
		greeter string
		known   map[string]string
		want    stages.TestSuite
		red     []string // of the error; none: nothing fails
	}{
		"all pass": {passes, nil, stages.TestSuite{Tests: 4, Skipped: 2}, nil},
		"a new failure": {sees, nil, stages.TestSuite{Tests: 4, Skipped: 1, Failed: []stages.FailedTest{text}},
			[]string{"level install: unit tests: 1 of 4 fail", stages.NamedBy + greeter + "\n", text.Test + " of " + greeter + "\n    Failed asserting"}},
		"a known failure":     {sees, map[string]string{text.Test: "why"}, stages.TestSuite{Tests: 4, Skipped: 1, Failed: []stages.FailedTest{known}}, nil},
		"all data sets known": {sees, map[string]string{`Tiny\GreetingTest::testText`: "why"}, stages.TestSuite{Tests: 4, Skipped: 1, Failed: []stages.FailedTest{known}}, nil},
		"known, but it passes or is gone": {passes, map[string]string{`Tiny\GreetingTest::testGood`: "why", `Tiny\GreetingTest::testGone`: "why"},
			stages.TestSuite{Tests: 4, Skipped: 2, Passing: []string{`Tiny\GreetingTest::testGood`}, Gone: []string{`Tiny\GreetingTest::testGone`}}, nil},
		"flaky": {`['testFirst' => @mkdir(TESTS_TEMP_DIR . '/../seen') ? 'the first time' : '']`, nil,
			stages.TestSuite{Tests: 3, Skipped: 1, Failed: []stages.FailedTest{of(greeter, `Tiny\GreetingTest::testFirst`, "the first time", stages.Flaky)}}, nil},
		"PHPUnit ends": {"[exit('no more memory')]", nil, stages.TestSuite{Tests: 2, Skipped: 1,
			Failed: []stages.FailedTest{of(greeter, "PHPUnit in vendor/"+greeter+"/Test/Unit", "it ended before its tests did:\nno more memory", stages.NewFailure)}},
			[]string{"1 of 2 fail", stages.NamedBy + greeter + "\n"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, tested(t, map[string]string{greeter: test.greeter, base: passes}))
			f.candidate.Install.Tests = releases.Tests{Suites: releases.Suites(), Known: test.known}
			got, err := Stage(f.options).Run(t.Context(), f.candidate)
			if err != nil {
				got = reported(t, f)
			}
			for _, want := range test.red {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v\ndoes not say %q", err, want)
				}
			}
			if err != nil && test.red == nil {
				t.Error(err)
			}
			test.want.Name, test.want.Packages = releases.UnitTests, 2
			if diff := cmp.Diff([]stages.TestSuite{test.want}, got.Tests); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestKnownFile: a line that extends what a report has is not red by the same failures.
func TestKnownFile(t *testing.T) {
	needTools(t)
	t.Parallel()
	f := newFixture(t, tested(t, map[string]string{greeter: `['testText with data set #0' => 'wrong']`, base: "[]"}))
	f.candidate.Install.Tests.Suites = releases.Suites()
	if _, err := Stage(f.options).Run(t.Context(), f.candidate); err == nil {
		t.Fatal("nothing failed")
	}
	got := string(readFile(t, filepath.Join(f.options.Dir, "report", stages.TestsDir, "known.yaml")))
	if want := `"Tiny\\GreetingTest::testText with data set #0": "wrong"`; !strings.Contains(got, want) {
		t.Errorf("%s\ndoes not have %s", got, want)
	}
}

func TestNoPHPUnit(t *testing.T) {
	needTools(t)
	t.Parallel()
	f := newFixture(t, tiny())
	f.candidate.Install.Tests.Suites = releases.Suites()
	got, err := Stage(f.options).Run(t.Context(), f.candidate)
	want := stages.Proof{Step: "unit tests", Detail: "the project has no " + phpUnit}
	if err != nil || !slices.Contains(got.NotProven, want) {
		t.Errorf("%+v, %v", got.NotProven, err)
	}
}

// TestGrouped: groups are bounded, keep what belongs together, and begin with the largest.
func TestGrouped(t *testing.T) {
	var dirs []testDir
	for i, files := range []int{groupFiles / 2, groupFiles / 2, 1, 3 * groupFiles, 2} {
		dirs = append(dirs, testDir{of: composer.Name(fmt.Sprint(i)), files: files})
	}
	var got []string
	for _, group := range grouped(dirs) {
		names := ""
		for _, d := range group {
			names += string(d.of)
		}
		got = append(got, names)
	}
	if diff := cmp.Diff([]string{"3", "01", "4", "2"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// reported is the installation that a report has.
func reported(t *testing.T, f *fixture) (i stages.Installation) {
	t.Helper()
	if err := json.Unmarshal(readFile(t, filepath.Join(f.options.Dir, "report", stages.InstallationFile)), &i); err != nil {
		t.Fatal(err)
	}
	return i
}
