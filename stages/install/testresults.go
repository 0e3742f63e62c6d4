package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// maxShownTests is how many failed tests an error tells; the report has all.
const maxShownTests = 25

// judgeTests says of each test that fails whether the line knows that, whether it is flaky, or
// whether it is new, and of the known ones which pass now.
func (s *shop) judgeTests(ctx context.Context, dirs []testDir, cases []testCase, broken []stages.FailedTest) (stages.TestSuite, error) {
	packages := map[composer.Name]bool{}
	for _, d := range dirs {
		packages[d.of] = true
	}
	suite := stages.TestSuite{Name: releases.UnitTests, Packages: len(packages), Tests: len(cases), Failed: broken}
	known := s.candidate.Install.Tests.Known
	fails := map[string]bool{} // by what the line knows
	files := map[string]string{}
	for _, c := range cases {
		message := c.message()
		if key, ok := knownAs(known, c.test()); ok {
			fails[key] = fails[key] || message != ""
		}
		if c.Skipped != nil {
			suite.Skipped++
		}
		if c.Warning != "" {
			s.notice("phpunit", "warning", s.shown(strings.TrimSpace(c.Warning)))
		}
		if message == "" {
			continue
		}
		files[c.test()] = c.File
		suite.Failed = append(suite.Failed, stages.FailedTest{Test: c.test(), Package: string(packageOf(dirs, c.File)), Message: shorten(s.shown(message), 2000)})
	}
	var again []testDir
	for i, f := range suite.Failed {
		key, ok := knownAs(known, f.Test)
		if suite.Failed[i].State = stages.NewFailure; ok {
			suite.Failed[i].State, fails[key] = stages.KnownFailure, true
		} else if file := files[f.Test]; file != "" && !slices.ContainsFunc(again, func(d testDir) bool { return d.path == file }) {
			again = append(again, testDir{of: composer.Name(f.Package), path: file, files: groupFiles})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if failed, ran := fails[name]; !ran {
			suite.Gone = append(suite.Gone, name)
		} else if !failed {
			suite.Passing = append(suite.Passing, name)
		}
	}
	if len(again) <= maxAgain {
		if err := s.again(ctx, &suite, again); err != nil {
			return suite, err
		}
	}
	return suite, s.writeKnown(suite)
}

// knownAs gives the name in the line of a known test: with its data set, or without it for all data sets.
func knownAs(known map[string]string, test string) (string, bool) {
	method, _, _ := strings.Cut(test, " with data set ")
	for _, name := range []string{test, method} {
		if _, ok := known[name]; ok {
			return name, true
		}
	}
	return "", false
}

// packageOf is the package in which a file of tests lies.
func packageOf(dirs []testDir, file string) composer.Name {
	for _, d := range dirs {
		if strings.HasPrefix(file, d.path+"/") {
			return d.of
		}
	}
	return ""
}

// again runs files of tests again, each alone: a test that passes there is flaky.
func (s *shop) again(ctx context.Context, suite *stages.TestSuite, alone []testDir) error {
	cases, _, err := s.runGroups(ctx, "unit-again", grouped(alone))
	passes := map[string]bool{}
	for _, c := range cases {
		passes[c.test()] = c.message() == ""
	}
	for i, f := range suite.Failed {
		if f.State == stages.NewFailure && passes[f.Test] {
			suite.Failed[i].State = stages.Flaky
		}
	}
	return err
}

// writeKnown writes what fails as a file that the line can extend, so that only what fails
// beside it turns a night red.
func (s *shop) writeKnown(suite stages.TestSuite) error {
	known := map[string]string{}
	for _, f := range suite.Failed {
		if key, ok := knownAs(s.candidate.Install.Tests.Known, f.Test); ok {
			known[key] = s.candidate.Install.Tests.Known[key]
		} else if f.State == stages.NewFailure {
			known[f.Test], _, _ = strings.Cut(f.Message, "\n")
		}
	}
	data, err := json.MarshalIndent(map[string]any{"install": map[string]any{"tests": map[string]any{"known": known}}}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.dir.path("report/"+stages.TestsDir+"/known.yaml"), append(data, '\n'), 0o644) // JSON is YAML
}

// testsFailed is the error of a suite with new failures, each with its package and message; nil:
// there are none.
func (s *shop) testsFailed(suite stages.TestSuite) error {
	var blamed []string
	blame := func(names ...string) {
		for _, name := range names {
			if _, ours := s.ours()[name]; ours && !slices.Contains(blamed, name) && len(blamed) < maxBlamed {
				blamed = append(blamed, name)
			}
		}
	}
	failed := suite.Of(stages.NewFailure)
	if len(failed) == 0 {
		return nil
	}
	for _, f := range failed {
		blame(f.Package)
	}
	var errs []error
	for _, f := range failed {
		blame(s.blame(f.Message)...)
		if len(errs) < maxShownTests {
			errs = append(errs, fmt.Errorf("%s of %s\n%s", f.Test, f.Package, indent(f.Message)))
		}
	}
	if more := len(failed) - len(errs); more > 0 {
		errs = append(errs, fmt.Errorf("and %d more, which the report has", more))
	}
	return fmt.Errorf("%s tests: %d of %d fail and are not known to:\n%s%w\nall results: %s\nto see it again: cd %s && %s -c %s FILE",
		suite.Name, len(failed), suite.Tests, blames(blamed), errors.Join(errs...), s.dir.path("report/"+stages.TestsDir),
		quote(s.project()), quoteAll([]string{s.programs.php, phpUnit}), unitConfig)
}
