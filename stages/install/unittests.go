package install

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// Where a project has PHPUnit, and Magento's configuration of it for unit tests.
const (
	phpUnit    = "vendor/bin/phpunit"
	unitDir    = "dev/tests/unit"
	unitConfig = unitDir + "/phpunit.xml.dist"
)

// groupFiles is how many files of tests one process of PHPUnit runs, where no folder has
// more: the groups are the same on every machine, as tests of one process can see each other.
const groupFiles = 150

// maxAgain is how many files of tests with new failures are run again, to tell flaky tests:
// where more fail, it is not for that.
const maxAgain = 20

// A testDir is a folder, or a file, with unit tests of a package.
type testDir struct {
	of    composer.Name
	path  string
	files int
}

// unitTests runs the unit tests of all our packages. They come before anything is generated:
// Magento's have mocks of their own of what the compilation generates. What fails is told once
// all else is proven.
func (s *shop) unitTests(ctx context.Context) error {
	if !slices.Contains(s.candidate.Install.Tests.Suites, releases.UnitTests) {
		return nil
	}
	for _, file := range []string{phpUnit, unitConfig} {
		if !exists(s.in(file)) {
			s.skip("unit tests", "the project has no %s", file)
			return nil
		}
	}
	dirs, err := s.testDirs()
	if err != nil {
		return err
	}
	began := s.options.Now()
	cases, broken, err := s.runGroups(ctx, "unit", grouped(dirs))
	if err != nil {
		return err
	}
	judged, err := s.judgeTests(ctx, dirs, cases, broken)
	if err != nil {
		return err
	}
	s.record("unit tests", began, 0)
	s.tests = append(s.tests, judged)
	s.red = s.testsFailed(judged)
	if s.red == nil {
		s.prove("unit tests", "%s", judged)
	}
	return nil
}

// testDirs are the folders of unit tests of our packages. What a package deploys is tested
// where it is deployed.
func (s *shop) testDirs() (dirs []testDir, err error) {
	deployers := map[composer.Name]bool{}
	for _, m := range s.mappings() {
		deployers[m.of] = true
	}
	for _, p := range s.ourLocked() {
		top := s.vendor(p.Name)
		if p.Type == "metapackage" {
			continue
		}
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			inside := filepath.ToSlash(strings.TrimPrefix(path, top))
			if deployers[p.Name] {
				path = s.in(strings.TrimPrefix(inside, "/"))
			}
			switch {
			case deployers[p.Name] && inside == "/dev": // tests of the frameworks of tests
				return fs.SkipDir
			case !strings.HasSuffix(inside, "/Test/Unit") || !exists(path):
				return nil
			}
			if n := testFiles(path); n > 0 {
				dirs = append(dirs, testDir{of: p.Name, path: path, files: n})
			}
			return fs.SkipDir
		})
		if err != nil {
			return nil, fmt.Errorf("look for unit tests: %w", err)
		}
	}
	return dirs, nil
}

// testFiles is how many files of tests a folder has, in whatever depth.
func testFiles(dir string) (n int) {
	_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, _ error) error { // PHPUnit says what cannot be read
		if strings.HasSuffix(path, "Test.php") {
			n++
		}
		return nil
	})
	return n
}

// grouped are the folders that one process of PHPUnit tests each, the largest group first.
func grouped(dirs []testDir) (groups [][]testDir) {
	size := groupFiles
	for _, d := range dirs {
		if size+d.files > groupFiles {
			groups, size = append(groups, nil), 0
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], d)
		size += d.files
	}
	count := func(group []testDir) (n int) {
		for _, d := range group {
			n += d.files
		}
		return n
	}
	slices.SortStableFunc(groups, func(a, b []testDir) int { return count(b) - count(a) })
	return groups
}

// runGroups runs a process of PHPUnit for each group, as many at once as there are cores, and
// gives their tests. Of a group in which PHPUnit itself ends, each folder is run alone; those
// in which it ends still are the broken ones, with what it said.
func (s *shop) runGroups(ctx context.Context, name string, groups [][]testDir) (cases []testCase, broken []stages.FailedTest, err error) {
	found, said := make([][]testCase, len(groups)), make([]string, len(groups))
	first, done := s.commands, 0
	s.commands += len(groups)
	var telling sync.Mutex
	err = pipeline.Each(len(groups), runtime.GOMAXPROCS(0), func(i int) (err error) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		other := *s
		other.steps, other.proven = nil, nil                                     // the whole is one step
		other.commands, other.options.Progress = first+i, func(pipeline.Step) {} // told by group
		found[i], said[i], err = other.phpUnit(ctx, fmt.Sprintf("%s-%d", name, i+1), groups[i])
		telling.Lock()
		defer telling.Unlock()
		done++
		s.progress(name+" tests", fmt.Sprintf("%d of %d groups", done, len(groups)))
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	for i, group := range groups {
		switch {
		case said[i] == "":
			cases = append(cases, found[i]...)
		case len(group) == 1:
			broken = append(broken, stages.FailedTest{Test: "PHPUnit in " + s.shown(group[0].path), Package: string(group[0].of), Message: "it ended before its tests did:\n" + said[i]})
		default:
			alone := make([][]testDir, len(group))
			for j := range group {
				alone[j] = group[j : j+1]
			}
			more, worse, err := s.runGroups(ctx, fmt.Sprintf("%s-%d", name, i+1), alone)
			if err != nil {
				return nil, nil, err
			}
			cases, broken = append(cases, more...), append(broken, worse...)
		}
	}
	return cases, broken, nil
}

// Parts of Magento's configuration of PHPUnit. Allure writes a second report, of a file for
// each test.
var (
	unitSuites = regexp.MustCompile(`(?s)<testsuites>.*</testsuites>`)
	allure     = regexp.MustCompile(`(?s)<(extension|bootstrap) class="Qameta\\[^>]*(/>|[^/]>.*?</(extension|bootstrap)>)`)
)

// phpUnit runs PHPUnit over folders, by Magento's own configuration, and gives the tests that
// it ran. said is the end of its output where it ended before them.
func (s *shop) phpUnit(ctx context.Context, name string, dirs []testDir) (cases []testCase, said string, err error) {
	data, err := files.Read(s.in(unitConfig), maxForeign)
	if err != nil {
		return nil, "", err
	}
	var suite strings.Builder
	suite.WriteString(`<testsuites><testsuite name="` + name + `">`)
	for _, d := range dirs {
		kind := "directory"
		if strings.HasSuffix(d.path, ".php") {
			kind = "file"
		}
		fmt.Fprintf(&suite, "<%s>%s</%[1]s>", kind, escaped(d.path))
	}
	suite.WriteString("</testsuite></testsuites>")
	temp, report := s.dir.path("tmp/"+name), s.dir.path("report/"+stages.TestsDir)
	for _, dir := range []string{temp, report} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, "", err
		}
	}
	text := unitSuites.ReplaceAllLiteralString(string(data), suite.String())
	text = allure.ReplaceAllLiteralString(text, "")
	text = strings.Replace(text, "</php>", `<const name="TESTS_TEMP_DIR" value="`+escaped(temp)+`"/></php>`, 1)
	config := s.in(unitDir + "/nightly-" + name + ".xml") // its paths are relative to itself
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, "", err
	}
	junit, exit := filepath.Join(report, name+".xml"), 0
	output, err := s.lines(ctx, command{
		step: name + " tests", dir: s.project(), exit: &exit,
		args: []string{s.programs.php, "-d", "log_errors=0", phpUnit, "--configuration", config, "--log-junit", junit, "--no-interaction", "--colors=never"},
	})
	if err != nil {
		return nil, "", err
	}
	cases, err = readJUnit(junit)
	if exit > 2 || errors.Is(err, fs.ErrNotExist) { // 0, 1 and 2 are PHPUnit's own
		said = s.shown(strings.Join(output[max(0, len(output)-tailLines):], "\n"))
		return nil, cmp.Or(said, fmt.Sprintf("exit code %d", exit)), os.RemoveAll(junit)
	}
	return cases, "", err
}

func escaped(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a strings.Builder takes everything
	return out.String()
}

// shown is a text with the project's files as people name them.
func (s *shop) shown(text string) string { return strings.ReplaceAll(text, s.project()+"/", "") }
