package drift

import (
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
)

// testPaths tell a package's test code from the code that runs in a shop.
type testPaths struct {
	module bool // of Magento: Test is where its tests lie
	dev    []string
}

// testPathsOf takes what a package loads only in development.
func testPathsOf(kind string, dev composer.Autoload) testPaths {
	t := testPaths{module: strings.HasPrefix(kind, "magento2-")}
	for _, rows := range [][]composer.NamespacePaths{dev.PSR4, dev.PSR0} {
		for _, row := range rows {
			t.dev = append(t.dev, row.Paths...)
		}
	}
	t.dev = slices.Concat(t.dev, dev.Classmap, dev.Files)
	for i, dir := range t.dev {
		t.dev[i] = path.Clean(dir)
	}
	return t
}

// suites are the directories of test suites; what lies there under the name of a
// test is one.
var suites = map[string]bool{"unit": true, "integration": true, "functional": true, "api-functional": true, "acceptance": true, "mftf": true}

// are reports whether a file, by its path in the package, is test code.
//
// Test (Magento's modules), Tests, tests and test hold tests; so do dev at the
// root of a package, TestFramework, which helps them, and _files, which they
// read. In a library Test alone is no sign: src/Test may be what it is for.
func (t testPaths) are(file string) bool {
	if pipeline.Within(t.dev, file) {
		return true
	}
	parts := strings.Split(file, "/")
	name := parts[len(parts)-1]
	inSuite := false
	for i, part := range parts[:len(parts)-1] {
		switch lower := strings.ToLower(part); {
		case lower == "tests", part == "test", part == "TestFramework", part == "_files", lower == "dev" && i == 0:
			return true
		case part == "Test" && (t.module || parts[0] != "src"):
			return true
		case suites[lower]:
			inSuite = true
		}
	}
	return inSuite && (strings.HasSuffix(name, "Test.php") || strings.HasSuffix(name, "TestCase.php"))
}
