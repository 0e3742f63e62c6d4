package dependencies

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// testLog shows what is logged with the test.
func testLog(tb testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// generated is a made-up distribution whose base package has n PHP files of some
// kilobytes, which use 100 locked packages.
func generated(tb testing.TB, s *store.Store, n int) stages.Analysis {
	tb.Helper()
	tree := files{"app/etc/di.xml": "<config/>"}
	var requires, locked []string
	for i := range 100 {
		requires = append(requires, fmt.Sprintf(`"vendor/package-%d": "^1.%d"`, i, i))
		locked = append(locked, fmt.Sprintf(`{"name": "vendor/package-%d", "version": "1.%d.0", "autoload": {"psr-4": {"Vendor\\Package%d\\": "src/"}}}`, i, i, i))
	}
	tree["composer.json"] = `{"name": "acme/shop", "require": {` + strings.Join(requires, ",") + `}}`
	tree["composer.lock"] = `{"packages": [` + strings.Join(locked, ",") + `]}`
	for i := range n {
		tree[fmt.Sprintf("setup/src/Setup%d/File%d.php", i%50, i)] = generatedClass(i)
	}
	return stages.Analysis{
		Lock: "shop", Vendors: []string{"acme"},
		Repositories: []releases.Repository{{Name: "shop", Packages: []releases.Package{{Directory: ".", Base: baseOf(tb, releases.NightlyRequire)}}}},
		Sources:      stages.Sources{Repositories: []stages.Source{{Name: "shop", Head: save(tb, s, tree)}}},
	}
}

func generatedClass(i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<?php\nnamespace Acme\\Setup%d;\n\nuse Vendor\\Package%d\\Client;\n\nclass File%d extends Client\n{\n", i%50, i%100, i)
	for m := range 20 {
		fmt.Fprintf(&b, "    /** @param Client $client of %d */\n    public function method%d(Client $client, int $n): ?Client\n    {\n"+
			"        // What it does is of no interest.\n        return $n > %d ? new Client('text', [$n]) : $client->send(\"%d {$n}\");\n    }\n\n", m, m, i, m)
	}
	b.WriteString("}\n")
	return b.String()
}
