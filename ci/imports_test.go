package ci

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mage-os/nightly"

// mayImport is the design: which of our packages each package may import
// outside its tests. A package that is not listed may not exist.
var mayImport = map[string][]string{
	"pipeline":                        nil,
	"pipeline/store":                  {"pipeline", "pipeline/files"},
	"pipeline/container":              {"pipeline", "pipeline/files", "pipeline/store", "releases"},
	"pipeline/container/registrytest": nil, // a registry; only tests import it
	"pipeline/files":                  nil,
	"pipeline/markdown":               nil,
	"pipeline/golden":                 nil, // golden files; only tests import it
	// What stages run with, and the compositions over them.
	"pipeline/runner": {
		"pipeline", "pipeline/container", "pipeline/gateway", "pipeline/store", "releases", "releases/composer", "releases/config", "releases/config", "releases/git", "releases/resolve", "releases/sample",
		"stages", "stages/build", "stages/checkout", "stages/dependencies", "stages/install", "stages/trust",
	},
	"pipeline/suspects": {"pipeline/markdown", "releases", "releases/compare", "releases/composer", "stages", "stages/publish/history"},
	"pipeline/bisect":   {"pipeline", "pipeline/markdown", "releases", "releases/compare", "releases/config"},
	"pipeline/nightly": {
		"pipeline", "pipeline/container", "pipeline/files", "pipeline/markdown", "pipeline/runner", "pipeline/suspects", "releases", "releases/composer", "releases/config", "releases/images", "releases/lines", "releases/rules",
		"stages", "stages/attest", "stages/install", "stages/publish", "stages/publish/history", "stages/publish/target",
	},
	"pipeline/mirror": {
		"pipeline", "pipeline/files", "pipeline/markdown", "pipeline/nightly", "pipeline/runner", "releases", "releases/composer", "releases/config", "releases/lines", "releases/resolve",
		"stages", "stages/build", "stages/checkout", "stages/dependencies", "stages/publish",
	},
	"pipeline/monitor": {"pipeline/markdown", "pipeline/remote", "pipeline/suspects", "releases", "releases/github", "stages/publish", "stages/publish/history", "stages/publish/page", "stages/publish/target", "stages/trust"},
	"pipeline/release": {
		"pipeline", "pipeline/nightly", "pipeline/runner", "releases", "releases/compare", "releases/composer", "releases/config", "releases/git", "releases/github", "releases/resolve",
		"stages", "stages/attest", "stages/publish", "stages/publish/target",
	},
	"pipeline/remote":       {"pipeline/files"},
	"pipeline/gateway":      {"pipeline", "pipeline/files", "pipeline/remote", "releases", "releases/composer"},
	"releases/composer":     {"pipeline/files", "pipeline/remote"},
	"releases/config":       nil, // files that a JSON Schema describes
	"releases":              {"pipeline", "pipeline/markdown", "releases/composer", "releases/config"},
	"releases/images":       {"pipeline", "pipeline/files", "pipeline/markdown", "releases", "releases/composer"},
	"releases/lines":        {"pipeline/files", "pipeline/remote", "releases", "releases/composer", "releases/config", "releases/organization", "releases/rules"},
	"releases/compare":      {"pipeline", "pipeline/markdown", "releases"},
	"releases/git/pattern":  nil, // of .gitignore and .gitattributes
	"releases/git":          {"pipeline/files", "pipeline/remote", "releases", "releases/compare"},
	"releases/github":       {"pipeline/files", "pipeline/remote", "releases", "releases/compare", "releases/organization"},
	"releases/resolve":      {"pipeline", "pipeline/files", "releases", "releases/composer", "releases/config"},
	"releases/rules":        {"releases", "releases/composer"},
	"releases/sample":       {"pipeline/files", "releases/composer"},
	"releases/organization": {"pipeline/files", "pipeline/markdown", "releases/config"},
	"releases/github/fake":  nil, // a GitHub for tests: only they may import it
	"stages":                {"pipeline", "pipeline/markdown", "releases", "releases/composer"},
	"stages/checkout":       {"pipeline", "pipeline/files", "pipeline/remote", "releases", "releases/composer", "releases/git", "releases/git/pattern", "stages"},
	"stages/dependencies": {
		"pipeline", "releases", "releases/composer", "stages",
		"stages/dependencies/scan", "stages/dependencies/autoload", "stages/dependencies/platform", "stages/dependencies/php",
	},
	"stages/dependencies/php":      nil,
	"stages/dependencies/autoload": {"releases/composer"},
	"stages/dependencies/platform": nil,
	"stages/dependencies/scan":     {"pipeline", "stages/dependencies/php"},
	"stages/dependencies/drift": {
		"pipeline", "pipeline/files", "pipeline/markdown", "releases", "releases/composer", "stages",
		"stages/dependencies/scan", "stages/dependencies/autoload", "stages/dependencies/platform", "stages/dependencies/php",
	},
	"stages/build":           {"pipeline", "releases", "releases/composer", "releases/git/pattern", "releases/rules", "stages"},
	"stages/install":         {"pipeline", "pipeline/files", "pipeline/gateway", "pipeline/remote", "releases", "releases/composer", "stages", "stages/install/standin"},
	"stages/install/standin": nil,
	"stages/publish":         {"pipeline", "pipeline/markdown", "pipeline/remote", "releases", "releases/compare", "releases/composer", "releases/config", "stages", "stages/attest", "stages/diff", "stages/publish/history", "stages/publish/page", "stages/publish/target", "stages/trust"},
	// What is said of a night, and what a stranger makes of it: no stages.
	"stages/attest":          {"pipeline", "releases", "releases/composer", "stages", "stages/trust"},
	"stages/verify":          {"pipeline", "pipeline/files", "pipeline/files", "releases", "releases/composer", "stages", "stages/attest", "stages/diff", "stages/trust"},
	"stages/trust":           {"pipeline", "pipeline/files", "releases", "releases/composer"},
	"stages/trust/trusttest": {"releases", "stages/trust"}, // keys for tests: only they import it
	"stages/publish/target":  {"pipeline/files", "pipeline/remote"},
	"stages/publish/page":    {"pipeline", "releases", "releases/compare", "releases/composer", "stages/attest", "stages/publish/history"},
	"stages/publish/history": {"pipeline", "pipeline/files", "releases", "stages/publish/target"},
	// Files, zips and sets of packages, compared: no stages.
	"stages/diff":      {"pipeline/files"},
	"stages/integrity": {"pipeline", "pipeline/files", "releases/composer", "stages/diff"},
	// Servers that the tests of publishing run against.
	"stages/publish/target/targettest": {"pipeline/remote"},
	// What people and machines see of a run.
	"ci/display": {"pipeline", "pipeline/markdown", "pipeline/nightly", "pipeline/suspects", "releases", "releases/lines", "stages", "stages/publish", "stages/publish/history", "stages/publish/target"},
	// The programs that a machine needs, and the checks of this project.
	"ci/tools":          nil,
	"ci/check":          {"ci/tools"},
	"ci":                {"*"},
	"ci/mageos-nightly": {"ci"},
}

// onlyImporter says which packages may use a library that decides how the
// project talks to the outside.
var onlyImporter = map[string][]string{
	"github.com/go-git/":                    {"releases/git", "stages/checkout"},
	"dagger.io/dagger":                      {"pipeline/container"},
	"github.com/google/go-github/":          {"releases/github"},
	"github.com/theupdateframework/go-tuf/": {"stages/trust"},
}

func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "../...").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) < 5 {
		t.Fatalf("go list gave %d packages; want the project's", len(lines))
	}
	for _, line := range lines {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[0], module+"/")
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("package %s is not in the design: add it there and here", name)
		}
		for _, imported := range fields[1:] {
			checkImport(t, name, imported, allowed)
		}
	}
}

func checkImport(t *testing.T, name, imported string, allowed []string) {
	t.Helper()
	if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
		if ours == "ci" && name != "ci/mageos-nightly" || ours == "releases/github/fake" || !slices.Contains(allowed, ours) && !slices.Contains(allowed, "*") {
			t.Errorf("%s imports %s, which the design does not allow", name, ours)
		}
		return
	}
	for library, importers := range onlyImporter {
		if strings.HasPrefix(imported, library) && !slices.Contains(importers, name) {
			t.Errorf("%s imports %s; only %s may", name, imported, strings.Join(importers, " and "))
		}
	}
}
