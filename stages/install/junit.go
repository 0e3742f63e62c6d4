package install

import (
	"encoding/xml"
	"errors"
	"io/fs"
	"strings"

	"github.com/mage-os/nightly/pipeline/files"
)

// A testCase is one test of PHPUnit's, as JUnit XML has it. Source: PHPUnit 9 and 10,
// PHPUnit\Logging\JUnit.
type testCase struct {
	Name  string `xml:"name,attr"` // testTotal with data set "tax"
	Class string `xml:"class,attr"`
	File  string `xml:"file,attr"`
	// What became of it; none: it passed.
	Error   string    `xml:"error"`
	Failure string    `xml:"failure"`
	Warning string    `xml:"warning"` // which fails nothing
	Skipped *struct{} `xml:"skipped"`
}

// A testSuite is a class, a method with data sets, or holds those of a folder.
type testSuite struct {
	Name   string      `xml:"name,attr"`
	File   string      `xml:"file,attr"` // of a class
	Suites []testSuite `xml:"testsuite"`
	Cases  []testCase  `xml:"testcase"`
}

// test is the test's name with its class.
func (c testCase) test() string { return c.Class + "::" + c.Name }

// message is why a test failed; empty: it did not.
func (c testCase) message() string {
	message := strings.TrimSpace(c.Error + c.Failure)
	if first, rest, more := strings.Cut(message, "\n"); more && strings.HasPrefix(first, c.test()) { // with its data
		return rest
	}
	return message
}

// readJUnit gives the tests of a file of JUnit XML. One that PHPUnit has not ended, as it ended
// itself before, is fs.ErrNotExist.
func readJUnit(file string) ([]testCase, error) {
	data, err := files.Read(file, maxForeign)
	if err != nil {
		return nil, err
	}
	var all struct {
		Suites []testSuite `xml:"testsuite"`
	}
	if err := xml.Unmarshal(data, &all); err != nil {
		return nil, errors.Join(fs.ErrNotExist, err)
	}
	var cases []testCase
	var add func(suites []testSuite, class testSuite)
	add = func(suites []testSuite, class testSuite) {
		for _, s := range suites {
			of := class
			if s.File != "" {
				of = s
			}
			for _, c := range s.Cases {
				if c.File == "" || strings.HasPrefix(c.Class, `PHPUnit\`) { // PHPUnit's own, for one that it cannot run
					c.Class, c.File = of.Name, of.File
				}
				cases = append(cases, c)
			}
			add(s.Suites, of)
		}
	}
	add(all.Suites, testSuite{})
	return cases, nil
}
